"""
What every list must answer, computed a second time.

The oracle reads the exported records, plain dictionaries, and goes through
them with plain loops. It shares no code with the server: a mistake would have
to be made twice, in two ways of thinking, to go unnoticed.
"""
