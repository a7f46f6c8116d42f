"""Measure what an answer costs, as a multiple of what aiohttp alone costs."""
