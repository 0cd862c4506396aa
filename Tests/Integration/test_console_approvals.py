"""The console's approvals (docs/console.md#approvals) in real browsers: people see what they answer for, and what became of it."""

import json

import httpx
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from causeway_kit.approvals import ApprovalClient, requested, timestamp
from causeway_kit.console import ConsoleBrowser, expect_accessible, tabs_of
from causeway_kit.console_deployment import console_deployment
from causeway_kit.tokens import mint, producer_token
from causeway_kit.votes import GROUPS, Person, digest_of

ACTION = {"tool": "scale", "service": "checkout", "replicas": 8}
PHONE = {"width": 320, "height": 700, "mobile": True}

# Requests of the page whose response is dropped, or has other contents: a network between it and the service that is not to be trusted.
_NETWORK = """
window.network = { sent: [], lose: 0, replace: null };
const { fetch } = window;
window.fetch = async (url, init = {}) => {
    const isAnswer = init.method === "POST" && String(url).includes("/approvals/");
    if (isAnswer) network.sent.push([init.headers.get("Idempotency-Key"), init.body]);
    const response = await fetch(url, init);
    if (isAnswer && network.lose > 0) {
        network.lose -= 1;
        throw new TypeError("the response was lost");
    }
    const whole = String(url).match(/approvals\\/[^?/]+$/);
    if (isAnswer || !whole || !network.replace) return response;
    let text = await response.text();
    for (const [from, to] of network.replace) text = text.replaceAll(from, to);
    return new Response(text, response);
};
"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def deployment():
    with console_deployment() as stack:
        yield stack


@pytest.fixture(scope="module")
def browsers(tmp_path_factory):
    """Two browsers with separate profiles."""
    both = [ConsoleBrowser(tmp_path_factory.mktemp(f"chromium-{number}")) for number in range(2)]
    yield both
    for browser in both:
        browser.close()


@pytest.fixture
def console(deployment, browsers):
    """Opens tabs of the console, signed out."""
    with tabs_of(browsers[0], deployment.nginx.url + "/console/") as open_tab:
        yield open_tab


@pytest.fixture
def other_console(deployment, browsers):
    """The same in another browser."""
    with tabs_of(browsers[1], deployment.nginx.url + "/console/") as open_tab:
        yield open_tab


@pytest.fixture
def service(deployment):
    return deployment.services["approvals"]


def card(approval, within=""):
    return f"[data-approval={approval}] {within}".strip()


def decide(tab, approval, action="approve", reason=""):
    """Answers an approval once the page has shown what will be executed."""
    tab.click(card(approval, f".{action}"))
    tab.wait_for(lambda: tab.count("#decide-submit:enabled"), "it can be answered")
    if reason:
        tab.find("#decide-reason").send_keys(reason)
    tab.click("#decide-submit")


def leave(tab):
    """Moves the pointer off the list, and the focus as well."""
    ActionChains(tab.driver).move_to_element(tab.find(".bar .brand")).perform()
    tab.run("document.activeElement.blur()")


# MARK: What an approver sees


def test_two_people_decide_in_two_browsers(deployment, console, other_console, service, tenant):
    """A grouped request from its appearance to the executor's permit: each page shows the tally, the votes, the decision and the consumption."""
    ann, dan = console(), other_console()
    ann.sign_in(mint(tenant, "ann", ("member", "security")))
    dan.sign_in(mint(tenant, "dan", ("member", "dba")))
    groups = [{"name": "security", "roles": ["security"]}, {"name": "dba", "roles": ["dba"]}]
    terms = {"groups": groups, "action": ACTION, "requestedBy": "olga", "risk": "high", "expiresAt": timestamp(3600)}
    deployment.intake.publish(requested("app_1", tenant, **terms))
    for tab in (ann, dan):
        tab.wait_for_text(card("app_1", ".tally"), "security 0 of 1 · dba 0 of 1")
        assert "high risk" in tab.text(card("app_1")) and "asked by olga" in tab.text(card("app_1"))
        tab.wait_for_text(card("app_1", ".pill"), "min left")
        assert tab.run(f"return document.querySelector('{card('app_1', 'time.pill')}').title").startswith("Deadline: ")

    ann.click(card("app_1", ".approve"))
    ann.wait_for_text("#decide-action code", '"replicas": 8')
    ann.wait_for_text("#decide-action .digest", f"{digest_of(ACTION)} computed by this page from what it shows, and the same as the service's")
    assert "high risk · asked by olga · incident inc_app_1 · security 0 of 1 · dba 0 of 1" in ann.text("#decide-facts")
    ann.find("#decide-reason").send_keys("Load is low")
    ann.click("#decide-submit:enabled")
    ann.wait_for_text(card("app_1", ".note"), "Recorded: you approved. It waits for 1 more of dba.")
    assert ann.count(card("app_1", ":is(.approve, .reject)")) == 0 and not ann.find("#decide").is_displayed()
    for tab in (ann, dan):
        tab.wait_for_text(card("app_1", ".tally"), "security 1 of 1 · dba 0 of 1")

    dan.click(card("app_1", ".toggle"))
    dan.wait_for_text(card("app_1", ".course"), "ann approved")
    assert "Load is low" in dan.text(card("app_1", ".course"))
    decide(dan, "app_1")
    for tab in (dan, ann):
        tab.wait_for_text(card("app_1", ".pill"), "approved · dan")
        assert tab.text("#approvals .count") == ""
    dan.wait_for_text(card("app_1", ".note"), "Recorded: you approved, which decided it.")
    dan.wait_for_text(card("app_1", ".course"), "Not executed yet: the permit is not taken")

    approval = ApprovalClient(service, tenant).approval("app_1").json()
    assert approval["decision"]["actionDigest"] == digest_of(ACTION)
    consumed = Person(service, tenant, "svc", basic="producer").consume("app_1", digest_of(ACTION))
    assert consumed.status_code == 200, consumed.text
    for tab in (dan, ann):
        leave(tab)
        tab.wait_for(lambda tab=tab: tab.count("#decided [data-approval=app_1]"), "it is below the pending ones")
    ann.click(card("app_1", ".toggle"))
    for tab in (dan, ann):
        tab.wait_for_text(card("app_1", ".course"), "Permit taken by svc")
        assert "Decided: approved by dan" in tab.text(card("app_1", ".course")) and "svc took the permit" in tab.text(card("app_1", ".course"))
        # The events by which other systems can follow it.
        approval = ApprovalClient(service, tenant).approval("app_1").json()
        for entry in approval["history"]:
            tab.wait_for_text(card("app_1", ".course"), entry["eventId"])


def test_the_most_urgent_is_first_and_nothing_moves_under_the_pointer(deployment, console, tenant):
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))

    def shown():
        return tab.run("return Array.from(document.querySelectorAll('#approvals > .scroll > .list > li'), (one) => one.dataset.approval)")

    later, soon, never = timestamp(7200), timestamp(3600), None
    deployment.intake.publish(
        *(requested(f"app_{name}", tenant, expiresAt=time) for name, time in [("never", never), ("later", later), ("soon", soon)])
    )
    tab.wait_for(lambda: shown() == ["app_soon", "app_later", "app_never"], "they are sorted by deadline")
    assert "no deadline" in tab.text(card("app_never", ".pill"))

    def place():
        return tab.run("return document.querySelector(arguments[0]).getBoundingClientRect().y", card("app_later", ".approve"))

    # Somebody aims at a button: what is new waits, what was decided stays, and what grows above is scrolled away.
    tab.click(card("app_soon", ".toggle"))
    tab.wait_for_text(card("app_soon", ".course"), "Requested")
    height = tab.run("return document.querySelector(arguments[0]).offsetHeight", card("app_soon"))
    ActionChains(tab.driver).move_to_element(tab.find(card("app_later", ".approve"))).perform()
    before = place()
    deployment.intake.publish(requested("app_now", tenant, expiresAt=timestamp(600)))
    tab.wait_for_text("#approvals-new", "Show 1 new · ")
    assert ApprovalClient(deployment.services["approvals"], tenant, "petra").decide("app_soon").status_code == 200
    tab.wait_for_text(card("app_soon", ".pill"), "approved · petra")
    tab.wait_for_text(card("app_soon", ".course"), "Decided: approved by petra")
    assert tab.run("return document.querySelector(arguments[0]).offsetHeight", card("app_soon")) > height
    assert shown() == ["app_soon", "app_later", "app_never"] and abs(place() - before) < 1
    assert tab.text("#approvals .count") == "3"

    leave(tab)
    tab.wait_for(lambda: shown() == ["app_now", "app_later", "app_never"], "they are sorted when nobody aims")
    assert tab.count("#decided [data-approval=app_soon]") == 1 and not tab.find("#approvals-new").is_displayed()

    # The keyboard's focus holds the list as well, and the button shows what waits.
    tab.run("document.querySelector(arguments[0]).focus()", card("app_now", ".approve"))
    deployment.intake.publish(requested("app_next", tenant, expiresAt=timestamp(60)))
    tab.wait_for_text("#approvals-new", "Show 1 new")
    assert shown()[0] == "app_now"
    assert tab.run("return document.activeElement.matches('[data-approval=app_now] .approve')")
    tab.press_tab_until("it.id === 'approvals-new'", is_back=True)
    tab.press(Keys.ENTER)
    tab.wait_for(lambda: shown()[0] == "app_next", "what waited is shown")
    assert tab.run("return document.activeElement.id") == "approvals-heading"


def test_an_action_cannot_be_disguised(deployment, console, tenant):
    """Marks stand for what cannot be seen or reorders the rest, and differ from a text that spells the same. Numbers keep their spelling."""
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    note = "⟨U+202E⟩<img src=x onerror='window.pwned=1'>" + " " * 400 + "end"
    action = {"command": "rm -rf /tmp/\u202egnp.\u2066x\u200b", "host": "pr\u043ed-1", "note": note}
    # Not escaped, so that the characters themselves are in what was received.
    body = json.dumps(requested("app_1", tenant, action=action, title="Clean up\u202e"), ensure_ascii=False).encode()
    headers = {"Authorization": f"Bearer {producer_token(tenant)}", "Content-Type": "application/json"}
    answer = httpx.post(f"{deployment.nginx.url}/v1/events", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    tab.wait_for_text(card("app_1", ".title"), "Clean up⟨202E⟩")
    tab.click(card("app_1", ".toggle"))
    code = card("app_1", ".action code")
    for form in ("pretty", "raw"):
        tab.click(card("app_1", f"[data-form={form}]"))
        assert tab.texts(code + " mark") == ["U+202E", "U+2066", "U+200B", "400 spaces"]
        text = tab.text(code)
        assert "rm -rf /tmp/U+202Egnp.U+2066xU+200B" in text and "⟨U+202E⟩<img src=x" in text
        assert not {"\u202e", "\u2066", "\u200b"} & set(text)
        assert tab.run("return getComputedStyle(document.querySelector(arguments[0])).unicodeBidi", code) == "bidi-override"
    assert "\n" not in tab.text(code)
    cautions = tab.text(card("app_1", ".action .caution"))
    assert "3 invisible characters" in cautions and "о (U+043E)" in cautions
    assert tab.run("return window.pwned") is None and tab.count("#approvals img") == 0


def test_a_private_request_is_unseen_by_others(deployment, console, other_console, service, tenant):
    """It is listed for its user and the people whom its groups name. The deputy of one opens it by its address."""
    bob, ann = console(), other_console()
    bob.sign_in(mint(tenant, "bob", ("admin",)))
    ann.sign_in(mint(tenant, "ann"))
    groups = [{"name": "owners", "users": ["ann", "carl"], "n": 2}]
    private = requested("app_private", tenant, groups=groups, action=ACTION, title="Read ann's mail") | {"user": "ann"}
    deployment.intake.publish(private, requested("app_open", tenant))
    ann.wait_for_text(card("app_private"), "private, addressed to ann")
    bob.wait_for(lambda: bob.count(card("app_open")), "what is for all is listed")
    assert bob.count(card("app_private")) == 0 and "ann's mail" not in bob.text("#console")
    bob.run("location.hash = '#approvals/app_private'")
    bob.wait_for_text("#approvals .error", "There is no such approval")
    assert bob.count(card("app_private")) == 0

    Person(service, tenant, "carl").delegate("dora")
    dora = console()
    dora.enter(mint(tenant, "dora"))
    dora.wait_live()
    assert dora.count(card("app_private")) == 0
    dora.run("location.hash = '#/approvals/app_private'")
    dora.wait_for_text(card("app_private"), "private, addressed to ann")

    carl = console()
    carl.enter(mint(tenant, "carl"))
    carl.wait_live()
    carl.wait_for_text(card("app_private"), "private, addressed to ann")
    decide(carl, "app_private")
    carl.wait_for_text(card("app_private", ".note"), "Recorded: you approved. It waits for 1 more of owners.")
    ann.wait_for_text(card("app_private", ".tally"), "owners 1 of 2")
    decide(ann, "app_private")
    ann.wait_for_text(card("app_private", ".pill"), "approved · ann")
    assert bob.count(card("app_private")) == 0


# MARK: Answers


def test_what_was_not_shown_is_not_approved(deployment, console, service, tenant):
    """Something between service and page shows another action: its digest is sent, and refused. Where both differ, the page itself refuses."""
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    tab.run(_NETWORK)
    deployment.intake.publish(requested("app_1", tenant, action=ACTION))
    shown = ACTION | {"replicas": 2}
    replicas = [['"replicas":8', '"replicas":2'], ['"replicas": 8', '"replicas": 2']]
    tab.run("network.replace = arguments[0]", [*replicas, [digest_of(ACTION), digest_of(shown)]])
    tab.click(card("app_1", ".approve"))
    tab.wait_for_text("#decide-action code", '"replicas": 2')
    tab.wait_for(lambda: tab.count("#decide-submit:enabled"), "the digest is that of what is shown")
    tab.run("network.replace = null")
    tab.click("#decide-submit")
    tab.wait_for_text("#decide-error", "What you were shown is not what would be executed. Nothing was recorded.")
    tab.wait_for_text("#decide-action code", '"replicas": 8')
    assert ApprovalClient(service, tenant).approval("app_1").json()["status"] == "pending"
    tab.click("#decide-submit:enabled")
    tab.wait_for_text(card("app_1", ".pill"), "approved · olga")
    [(first_key, first), (second_key, second)] = tab.run("return network.sent")
    assert digest_of(shown) in first and digest_of(ACTION) in second and first_key != second_key

    deployment.intake.publish(requested("app_2", tenant, action=ACTION))
    tab.run("network.replace = arguments[0]", replicas)
    tab.click(card("app_2", ".approve"))
    tab.wait_for_text("#decide-action .error", "Do not approve it: tell an operator.")
    assert tab.count("#decide-submit:disabled") == 1
    tab.click("#decide-cancel")
    tab.run("network.replace = null")


def test_an_answer_without_a_response_is_asked_for_by_its_key(deployment, console, service, tenant):
    """The answer was recorded and its response lost: the page says that it does not know, asks again, and it counted once."""
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    tab.run(_NETWORK)
    groups = [{"name": "admins", "roles": ["admin"], "n": 2}]
    deployment.intake.publish(requested("app_1", tenant, action=ACTION, groups=groups))
    tab.run("network.lose = 2")
    decide(tab, "app_1", reason="Once")
    tab.wait_for_text("#decide-status", "Not known yet whether you approved.")
    assert tab.run("return document.querySelector('#decide-reason').readOnly") and tab.text("#decide-cancel") == "Close"
    # The page goes on asking when the dialog is closed.
    tab.click("#decide-cancel")
    tab.wait_for_text(card("app_1", ".note"), "Recorded: you approved. It waits for 1 more of admins.")
    sent = tab.run("return network.sent")
    assert len(sent) == 3 and len({tuple(one) for one in sent}) == 1
    approval = ApprovalClient(service, tenant).approval("app_1").json()
    assert [entry["type"] for entry in approval["history"]] == ["approval.requested", "approval.voted"]


def test_a_service_that_is_away_is_not_an_answer(deployment, console, service, tenant):
    """The approval API is stopped under the dialog: nothing is claimed until it is back."""
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    deployment.intake.publish(requested("app_1", tenant, action=ACTION))
    tab.click(card("app_1", ".reject"))
    tab.wait_for_text("#decide-action code", "checkout")
    tab.find("#decide-reason").send_keys("Not tonight")
    service.terminate()
    assert service.wait(timeout=30) == 0
    tab.click("#decide-submit:enabled")
    tab.wait_for_text("#decide-status", "Not known yet whether you rejected.")
    assert tab.count(card("app_1") + "[data-outcome='']") == 1
    service.start()
    service.wait_ready()
    tab.wait_for_text(card("app_1", ".pill"), "rejected · olga")
    assert ApprovalClient(service, tenant).approval("app_1").json()["decision"]["reason"] == "Not tonight"


def test_a_deadline_passes(deployment, console, tenant):
    """The countdown ends, nothing can be answered any more, and the record says that it expired."""
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    deployment.intake.publish(requested("app_1", tenant, action=ACTION, expiresAt=timestamp(8)))
    tab.click(card("app_1", ".approve"))
    tab.wait_for_text("#decide-facts", "s left")
    tab.wait_for_text("#decide-facts", "deadline passed")
    assert tab.count("#decide-submit:disabled") == 1
    tab.wait_for_text("#decide-error", "Decided already: expired.")
    tab.click("#decide-cancel")
    tab.wait_for_text(card("app_1", ".pill"), "expired")
    assert tab.count(card("app_1", ":is(.approve, .reject)")) == 0
    tab.click(card("app_1", ".toggle"))
    tab.wait_for_text(card("app_1", ".course"), "Expired without a decision: counts as rejected")
    assert "Must not be executed" in tab.text(card("app_1", ".course"))


def test_escalations_and_delegations_are_told(deployment, console, service, tenant):
    tab = console().sign_in(mint(tenant, "mia", ("member", "manager")))
    Person(service, tenant, "ann", "security").delegate("bob")
    Person(service, tenant, "dora", "dba").delegate("carl")
    escalation = [{"after": "1s", "groups": [{"name": "managers", "roles": ["manager"]}]}]
    deployment.intake.publish(requested("app_1", tenant, action=ACTION, groups=GROUPS, escalation=escalation))
    tab.click(card("app_1", ".toggle"))
    tab.wait_for_text(card("app_1", ".tally"), "security 0 of 2 · dba 0 of 1, or managers 0 of 1")
    assert Person(service, tenant, "bob").decide("app_1", onBehalfOf="ann").status_code == 200
    tab.wait_for_text(card("app_1", ".course"), "bob approved in the place of ann")
    course = tab.text(card("app_1", ".course"))
    assert "Step 1 took effect" in course and "security 1 of 2: ann" in course and "role manager" in course
    # A person with a delegation can answer, others read who decides.
    eve = console().sign_in(mint(tenant, "eve"))
    eve.wait_for_text(card("app_1", ".note"), "To be decided by security, dba, managers.")
    carl = console().sign_in(mint(tenant, "carl"))
    carl.wait_for_text(card("app_1", ".note"), "In the place of dora, if they may decide.")
    decide(carl, "app_1")
    carl.wait_for_text(card("app_1", ".tally"), "security 1 of 2 · dba 1 of 1")
    assert carl.count(card("app_1", ":is(.approve, .reject)")) == 0
    decide(tab, "app_1")
    for each in (tab, carl, eve):
        each.wait_for_text(card("app_1", ".pill"), "approved · mia")


def test_a_reload_shows_what_is_pending_and_what_was_decided(deployment, console, service, tenant):
    deployment.intake.publish(requested("app_1", tenant), requested("app_2", tenant))
    assert ApprovalClient(service, tenant, "petra").decide("app_2", "reject", reason="No").status_code == 200
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    tab.wait_for_text(card("app_2", ".pill"), "rejected · petra")
    tab.wait_for(lambda: tab.count("#approvals > .scroll [data-approval=app_1]") == 1, "one is pending")
    assert tab.count("#decided [data-approval=app_2]") == 1 and "“No”" in tab.text(card("app_2"))
    tab.run("location.hash = '#/approvals/app_2'")
    tab.wait_for_text(card("app_2", ".course"), "Decided: rejected by petra")
    assert tab.run("return document.activeElement.matches('[data-approval=app_2] .toggle')")


@pytest.mark.parametrize("look", [{}, {"scheme": "dark"}, PHONE, PHONE | {"scheme": "dark"}], ids=["light", "dark", "narrow", "dark narrow"])
def test_approvals_keep_nobody_out(deployment, console, service, tenant, look):
    """Contrast, names and sizes, with details and the dialog open, down to a width of 320 pixels."""
    tab = console()
    tab.look(**look)
    tab.sign_in(mint(tenant, "olga", ("admin",)))
    action = ACTION | {"command": "x" * 300 + "\u202e", "host": "pr\u043ed"}
    terms = {"action": action, "groups": [{"name": "a" * 100, "roles": ["admin"], "n": 2}], "risk": "critical", "expiresAt": timestamp(3000)}
    terms |= {"description": "Why\nand how " * 40, "requestedBy": "planner" * 10}
    deployment.intake.publish(requested("app_1", tenant, **terms), requested("app_2", tenant), requested("app_3", tenant))
    assert ApprovalClient(service, tenant, "petra").decide("app_1").status_code == 200
    assert ApprovalClient(service, tenant, "petra").decide("app_2", "reject", reason="No " * 100).status_code == 200
    tab.click(card("app_1", ".toggle"))
    tab.wait_for_text(card("app_1", ".course"), "petra approved")
    expect_accessible(tab)
    tab.click(card("app_1", ".approve"))
    tab.wait_for_text("#decide-action mark", "U+202E")
    tab.wait_for(lambda: tab.count("#decide-submit:enabled"), "it can be answered")
    expect_accessible(tab)
    assert tab.run("const it = document.querySelector('#decide'); return it.scrollWidth <= it.clientWidth"), "the dialog scrolls sideways"
    tab.click("#decide-submit")
    tab.wait_for_text(card("app_1", ".pill"), "approved · olga")
    expect_accessible(tab)
