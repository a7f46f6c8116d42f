from datetime import timedelta
from types import SimpleNamespace

import pytest

from mockserver.json_types import OMIT
from mockserver.waldur import (
    billing,
    compliance,
    offering_queries,
    offerings,
    people,
    people_queries,
    project_queries,
    projects,
    reach,
)


@pytest.fixture
def cast(world):
    """A provider with one shared offering that one project of one customer uses."""
    seller, buyer = world.add("customer", name="Alpha"), world.add("customer", name="Beta")
    offering = world.add("offering", name="Cloud", customer=seller, state="Active")
    project = world.add("project", name="Genomes", customer=buyer)
    role = world.add("role", name="PROJECT.MEMBER", scope_type="project")
    member = world.add("user", username="ann", first_name="Ann", last_name="Lee", is_active=True)
    return SimpleNamespace(
        seller=seller,
        buyer=buyer,
        offering=offering,
        project=project,
        role=role,
        member=member,
        provider=world.add("service_provider", customer=seller),
        resource=world.add("resource", name="VM", offering=offering, project=project, state="OK"),
        grant=world.grant(member, role, project=project),
    )


def found(world, operation, rows, parent=None, **query):
    """Return the rows that a query keeps."""
    asked = {name: [text] for name, text in query.items()}
    operation = f"marketplace_service_providers_{operation}_list"
    scope = world.scope(operation, parent=parent, query=asked)
    return list(scope.bound.find(scope, rows))


def names(records, field="name"):
    return [record[field] for record in records]


def test_reach_leads_from_offerings_to_people(world, cast):
    key = world.add("ssh_key", name="laptop", user=cast.member)
    scope = world.scope()

    assert reach.provider_resources(cast.provider, scope) == [cast.resource]
    assert reach.provider_projects(cast.provider, scope) == [cast.project]
    assert reach.provider_customers(cast.provider, scope) == [cast.buyer]
    assert reach.provider_project_permissions(cast.provider, scope) == [cast.grant]
    assert reach.provider_users(cast.provider, scope) == [cast.member]
    assert reach.provider_keys(cast.provider, scope) == [key]


@pytest.mark.parametrize("change", [{"state": "Terminated"}, {"project": None}])
def test_the_last_resource_takes_everything_along(world, cast, change):
    world.store.replace("resource", cast.resource, **change)
    scope = world.scope()

    assert reach.provider_projects(cast.provider, scope) == []
    assert reach.provider_customers(cast.provider, scope) == []
    assert reach.provider_users(cast.provider, scope) == []


def test_a_failed_resource_still_counts(world, cast):
    world.store.replace("resource", cast.resource, state="Erred")

    assert reach.provider_projects(cast.provider, world.scope()) == [cast.project]


def test_a_private_offering_reaches_nobody(world, cast):
    world.store.replace("offering", cast.offering, shared=False)

    assert reach.provider_resources(cast.provider, world.scope()) == []


def test_a_removed_project_is_out_of_reach(world, cast):
    world.store.replace("project", cast.project, is_removed=True)

    assert reach.provider_projects(cast.provider, world.scope()) == []
    assert reach.provider_customers(cast.provider, world.scope()) == []


def test_inactive_users_and_customer_roles_do_not_count(world, cast):
    boss = world.add("user", username="boss", is_active=True)
    gone = world.add("user", username="gone", is_active=False)
    world.grant(boss, cast.role, customer=cast.buyer)
    world.grant(gone, cast.role, project=cast.project)

    assert reach.provider_users(cast.provider, world.scope()) == [cast.member]
    assert reach.provider_project_permissions(cast.provider, world.scope()) == [cast.grant]


def test_a_user_leaves_at_the_instant_the_role_expires(world, cast, soon):
    world.store.replace("grant", cast.grant, expiration_time=soon)

    world.now += timedelta(days=1, microseconds=-1)
    assert reach.provider_users(cast.provider, world.scope()) == [cast.member]
    world.now += timedelta(microseconds=1)
    assert reach.provider_users(cast.provider, world.scope()) == []


def test_two_resources_in_a_project_list_it_once(world, cast):
    world.add("resource", name="VM 2", offering=cast.offering, project=cast.project, state="OK")

    assert reach.provider_projects(cast.provider, world.scope()) == [cast.project]


def test_offerings_are_the_billable_and_shared_ones_of_every_state(world, cast):
    for name, fields in {
        "Draft": {"state": "Draft"},
        "Free": {"billable": False},
        "Private": {"shared": False},
        "Old": {"state": "Archived"},
    }.items():
        world.add("offering", name=name, customer=cast.seller, **{"state": "Paused", **fields})
    scope = world.scope()

    assert sorted(names(reach.provider_offerings(cast.provider, scope))) == [
        "Cloud",
        "Draft",
        "Old",
    ]
    assert reach.provider_offering_count(cast.provider, scope) == 3


def test_accounts_without_a_name_or_a_user_are_left_out(world, cast):
    for username in (None, "", "svc"):
        world.add("project_service_account", project=cast.project, username=username)
    course = world.add("course_account", project=cast.project, user=cast.member)
    world.add("course_account", project=cast.project, user=None)
    scope = world.scope()

    accounts = reach.provider_service_accounts(cast.provider, scope)
    assert sorted(names(accounts, "username")) == ["", "svc"]
    assert reach.provider_course_accounts(cast.provider, scope) == [course]


def test_robot_accounts_count_while_they_exist(world, cast):
    world.add("robot_account", resource=cast.resource, state=1)
    assert reach.provider_robot_account_projects(cast.provider, world.scope()) == []

    world.add("robot_account", resource=cast.resource, state=4)
    assert reach.provider_robot_account_projects(cast.provider, world.scope()) == [cast.project]
    assert reach.provider_robot_account_customers(cast.provider, world.scope()) == [cast.buyer]


def test_customers_of_a_user_need_a_user(world, cast):
    asked = {"user_uuid": [cast.member["uuid"]]}

    assert reach.provider_user_customers(cast.provider, world.scope()) == []
    assert (
        reach.provider_user_customers(cast.provider, world.scope(query={"user_uuid": [""]})) == []
    )
    assert reach.provider_user_customers(cast.provider, world.scope(query=asked)) == [cast.buyer]


def test_a_user_belongs_to_a_customer_directly_or_through_a_project(world, cast):
    boss = world.add("user", username="boss", is_active=True)
    world.grant(boss, cast.role, customer=cast.buyer)
    scope = world.scope(parent=cast.provider)

    users = [boss, cast.member]
    assert sorted(
        names(found(world, "users", users, customer_uuid=cast.buyer["uuid"]), "uuid")
    ) == (sorted(names(users, "uuid")))
    assert found(world, "users", users, customer_uuid=cast.seller["uuid"]) == []
    for user in users:
        assert people_queries.customer_user_uuid(cast.buyer, user["uuid"], scope)
    assert not people_queries.customer_user_uuid(cast.seller, boss["uuid"], scope)


def test_a_customer_is_shown_with_five_projects_and_users(world, cast):
    for number in range(6):
        project = world.add("project", name=f"P{number}", customer=cast.buyer)
        world.add("resource", name="VM", offering=cast.offering, project=project, state="OK")
        user = world.add("user", username=f"user{number}", is_active=True)
        world.grant(user, cast.role, project=project)
    scope = world.scope(parent=cast.provider)

    assert names(people.customer_projects(cast.buyer, scope)) == ["Genomes", "P0", "P1", "P2", "P3"]
    assert names(people.customer_users(cast.buyer, scope), "username")[:2] == ["ann", "user0"]
    assert people.customer_projects_count(cast.buyer, scope) == 7
    assert people.customer_users_count(cast.buyer, scope) == 7
    assert people.user_projects_count(cast.member, scope) == 1


def test_estimates_add_up_this_month_and_round_up_to_cents(world, cast):
    this = world.add("invoice", customer=cast.buyer, year=2026, month=3, tax_percent="20.00")
    last = world.add("invoice", customer=cast.buyer, year=2026, month=2, tax_percent="20.00")
    for invoice in (this, last):
        world.add(
            "invoice_item",
            invoice=invoice,
            resource=cast.resource,
            project=cast.project,
            unit_price="3.3330000000",
            quantity="1",
        )
    scope = world.scope(parent=cast.provider)
    expected = {"total": 4.008, "current": 3.34, "tax": 0.668, "tax_current": 0.668}

    assert billing.customer_billing_price_estimate(cast.buyer, scope) == expected
    assert billing.customer_project_billing_price_estimate(cast.project, scope) == expected
    assert billing.offering_billing_price_estimate(cast.offering, scope) == expected
    nothing = dict.fromkeys(expected, 0.0)
    assert billing.customer_billing_price_estimate(cast.seller, scope) == nothing
    assert billing.project_billing_price_estimate(cast.project, scope) == nothing


def test_payment_profiles_depend_on_who_asks(world, cast):
    active = world.add("payment_profile", organization=cast.buyer, name="A", is_active=True)
    world.add("payment_profile", organization=cast.buyer, name="B", is_active=None)
    owner = world.add("user", username="owner", is_active=True)
    world.grant(owner, world.add("role", name="CUSTOMER.OWNER"), customer=cast.buyer)
    support = world.add("user", username="help", is_support=True)

    def profiles(user):
        return people.customer_payment_profiles(cast.buyer, world.scope(user=user))

    assert len(profiles(support)) == 2
    assert profiles(owner) == [active]
    assert profiles(cast.member) is None


def test_some_values_are_only_for_staff(world, cast):
    staff = world.add("user", username="root", is_staff=True)
    as_staff, as_member = world.scope(user=staff), world.scope(user=cast.member)

    assert people.user_is_active(cast.member, as_staff) is True
    assert people.user_is_active(cast.member, as_member) is OMIT
    assert projects.project_staff_notes(cast.project, as_member) is OMIT
    assert offerings.offering_secret_options(cast.offering, as_staff) == {}
    assert offerings.offering_secret_options(cast.offering, as_member) is OMIT
    assert people.provider_enable_notifications(cast.provider, world.scope()) is OMIT
    assert people.provider_enable_notifications(cast.provider, as_member) is True


def test_fingerprints_follow_from_the_key(world, cast):
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me"
    key, scope = world.add("ssh_key", name="k", public_key=line), world.scope()

    assert people.ssh_key_type(key, scope) == "ssh-ed25519"
    md5 = people.ssh_key_fingerprint_md5(key, scope)
    assert len(md5) == 47
    assert md5.count(":") == 15
    sha256 = people.ssh_key_fingerprint_sha256(key, scope)
    assert sha256.startswith("SHA256:")
    assert len(sha256) == 50
    assert people.ssh_key_fingerprint_sha512(key, scope).startswith("SHA512:")


def test_compliance_counts_agree_with_the_status_of_each_user(world, cast):
    checklist = world.add("checklist", name="Security")
    questions = [world.add("question", checklist=checklist) for _ in range(3)]
    offering = world.store.replace(
        "offering", cast.offering, compliance_checklist=checklist["uuid"]
    )
    users = [
        world.add("offering_user", offering=offering, user=world.add("user", username=f"u{n}"))
        for n in range(3)
    ]
    for user, answered in ((users[0], 3), (users[1], 1)):
        world.add(
            "checklist_completion",
            offering_user=user,
            checklist=checklist,
            is_completed=answered == 3,
            answered=[question["uuid"] for question in questions[:answered]],
        )
    scope = world.scope(parent=cast.provider)

    statuses = [compliance.offering_user_compliance_status(user, scope) for user in users]
    assert statuses == ["completed", "pending", "pending"]
    shares = [compliance.offering_user_completion_percentage(user, scope) for user in users]
    assert shares == [100, 33, 0]
    assert compliance.offering_compliance_total_users(offering, scope) == 3
    assert compliance.offering_compliance_users_with_completions(offering, scope) == 2
    assert compliance.offering_compliance_completed_users(offering, scope) == 1
    assert compliance.offering_compliance_pending_users(offering, scope) == 1
    assert compliance.offering_compliance_compliance_rate(offering, scope) == pytest.approx(
        33.333333
    )
    assert compliance.checklist_questions_count(checklist, scope) == 3
    assert compliance.checklist_offerings_count(checklist, scope) == 1
    assert reach.provider_checklists(cast.provider, scope) == [checklist]
    assert project_queries.offering_user_compliance_status_is(users[0], "completed", scope)
    assert project_queries.offering_user_compliance_status_is(users[0], "nonsense", scope)
    assert not project_queries.offering_user_compliance_status_is(users[0], "pending", scope)


def test_projects_are_found_by_the_identifiers_of_their_resources(world, cast):
    world.store.replace("resource", cast.resource, backend_id="VM-17")

    for text in ("genom", "VM", "vm-17", cast.project["uuid"]):
        assert found(world, "projects", [cast.project], query=text) == [cast.project], text
    assert found(world, "projects", [cast.project], query="V") == []


def test_a_uuid_is_not_looked_for_in_the_names_of_projects(world, cast):
    world.store.replace("project", cast.project, name=f"About {cast.buyer['uuid']}")
    project = world.store.get("project", cast.project["uuid"])

    assert found(world, "projects", [project], query=cast.buyer["uuid"]) == []
    assert found(world, "projects", [project], query=cast.buyer["uuid"][:20]) == [project]


def test_the_key_of_an_offering_is_looked_for_in_descriptions_when_there_is_none(world, cast):
    other = world.add("offering", name="Other", customer=cast.seller, description="a" * 32)
    naming = world.store.replace("offering", cast.offering, description=other["uuid"])
    rows = [naming, other]

    assert found(world, "offerings", rows, query=other["uuid"]) == [other]
    assert found(world, "offerings", rows, query="a" * 32) == [other]


def test_a_role_is_named_by_its_key_or_its_whole_name(world, cast):
    world.store.replace("role", cast.role, name="b" * 32)

    for text in (cast.role["uuid"].upper(),):
        assert found(world, "list_users", [cast.grant], role=text) == [cast.grant]
    # A name that looks like a key is taken for one.
    assert found(world, "list_users", [cast.grant], role="b" * 32) == []
    world.store.replace("role", world.store.get("role", cast.role["uuid"]), name="MEMBER")
    assert found(world, "list_users", [cast.grant], role="MEMBER") == [cast.grant]
    assert found(world, "list_users", [cast.grant], role="MEMBE") == []


def test_roles_that_are_over_do_not_count(world, cast, past):
    users = [cast.member]
    project = cast.project["uuid"]
    assert found(world, "users", users, project_uuid=project) == users
    assert found(world, "users", users, project_roles="PROJECT.MEMBER") == users
    assert found(world, "users", users, organization_roles="PROJECT.MEMBER") == []

    world.store.replace("grant", cast.grant, expiration_time=past)
    assert found(world, "users", users, project_uuid=project) == []
    assert found(world, "users", users, project_roles="PROJECT.MEMBER") == []


def test_full_names_match_across_case_accents_and_blanks(world, cast):
    user = world.add("user", username="m", first_name="Ärni", last_name="Mets")

    for text in ("arni", "ÄRNI  mets", "ni me"):
        assert found(world, "users", [user], full_name=text) == [user], text
    assert found(world, "users", [user], full_name="arni kask") == []


def test_two_words_may_be_a_first_and_a_last_name(world, cast):
    user = world.add("user", username="m", first_name="Anna Maria", last_name="de la Cruz")

    for text in ("maria  de LA", "anna cruz", "la"):
        assert found(world, "users", [user], query=text) == [user], text
    for text in ("cruz anna", "anna maria cruz"):
        assert found(world, "users", [user], query=text) == [], text


def test_commas_alone_name_no_offering(world, cast):
    key = cast.offering["uuid"]

    assert found(world, "offerings", [cast.offering], uuid_list=f"x, {key.upper()},") == [
        cast.offering
    ]
    for text in (",", "x", "0" * 32):
        assert found(world, "offerings", [cast.offering], uuid_list=text) == [], text
    assert found(world, "offerings", [cast.offering], uuid_list="") == [cast.offering]


@pytest.mark.parametrize(
    ("state", "call_state", "kept"),
    [
        ("accepted", "active", "true"),
        ("accepted", "draft", "false"),
        ("requested", "active", "false"),
    ],
)
def test_an_offering_is_in_a_call_that_accepted_it_and_is_active(
    world, cast, state, call_state, kept
):
    world.add("call_request", offering=cast.offering, state=state, call_state=call_state)

    for word in ("true", "false"):
        rows = found(world, "offerings", [cast.offering], accessible_via_calls=word)
        assert bool(rows) is (word == kept), word


def test_attributes_match_one_of_a_list_or_exactly(world, cast):
    offering = world.store.replace("offering", cast.offering, attributes={"os": ["a", "b"], "n": 1})
    scope = world.scope()

    assert offering_queries.offering_attributes(offering, '{"os": ["b", "c"], "n": 1}', scope)
    assert not offering_queries.offering_attributes(offering, '{"os": ["c"]}', scope)
    assert not offering_queries.offering_attributes(offering, '{"missing": 1}', scope)


def test_a_customer_may_order_what_its_groups_allow(world, cast):
    group = world.add("organization_group", name="Europe")
    offering = world.store.replace("offering", cast.offering, organization_groups=[group["uuid"]])

    def is_allowed(customer):
        return offering_queries.offering_allowed_customer_uuid(
            offering, customer["uuid"], world.scope()
        )

    assert not is_allowed(cast.buyer)
    assert is_allowed(cast.seller)
    world.store.replace("customer", cast.buyer, organization_groups=[group["uuid"]])
    assert is_allowed(cast.buyer)
