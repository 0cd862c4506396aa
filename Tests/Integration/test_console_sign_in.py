"""Signing in to the console by an identity provider (docs/console.md#identity-provider): where tokens are, and what stays when they end."""

import os
import subprocess

import pytest

from causeway_kit.approvals import ApprovalClient, requested
from causeway_kit.console import expect_accessible
from causeway_kit.console_deployment import console_deployment
from causeway_kit.console_fixtures import console_fixtures
from causeway_kit.services import ROOT
from causeway_kit.sign_in_provider import SignInProvider
from causeway_kit.tokens import expect_no_token
from causeway_kit.waiting import eventually

#: Whether an element is shown; false in a page that is still being loaded.
_VISIBLE = "return document.querySelector(arguments[0])?.checkVisibility() ?? false"

pytestmark = pytest.mark.timeout(300)

_, browser, console = console_fixtures()


@pytest.fixture(scope="module")
def provider():
    with SignInProvider() as provider:
        yield provider
        assert provider.faults == []


@pytest.fixture(scope="module")
def deployment(provider):
    with console_deployment(provider) as stack:
        provider.redirect_uri = f"{stack.nginx.url}/console/"
        yield stack
        log = stack.nginx.access_log_file.read_text()
        assert [code for code in provider.codes if code in log] == []


def go_to_provider(tab, provider):
    """Clicks the sign-in page's button, and waits until the provider has been asked: until then the page may be replaced under a script."""
    tab.wait_for(lambda: tab.run(_VISIBLE, "#provider-open"), "the provider is offered")
    before = len(provider.authorizations)
    tab.click("#provider-open")
    eventually(lambda: len(provider.authorizations) > before, "the browser is at the provider", timeout=60)


def wait_granted(provider, *grants):
    eventually(lambda: provider.grants == list(grants), f"{grants} are granted", timeout=60)


def revoke(deployment, provider, tenant):
    answer = ApprovalClient(deployment.services["approvals"], tenant).send("POST", "/v1/tokens/revocations", json={"jti": provider.token_id})
    assert answer.status_code == 202, answer.text


def type_reason(tab):
    """Opens the dialog of an approval, and begins a reason."""
    tab.run("window.neverReloaded = true")
    tab.click("[data-approval=app_1] .approve")
    tab.find("#decide-reason").send_keys("It is ti")


def decide(deployment, tab, tenant):
    """Completes the reason, and sends the decision: the page has lost nothing, and its token counts."""
    assert tab.run("return [window.neverReloaded, document.querySelector('#decide-reason').value]") == [True, "It is ti"]
    tab.find("#decide-reason").send_keys("me")
    tab.click("#decide-submit:enabled")
    tab.wait_for(lambda: tab.count("[data-approval=app_1][data-outcome=approved]"), "it is approved")
    decision = ApprovalClient(deployment.services["approvals"], tenant).approval("app_1").json()["decision"]
    assert (decision["decidedBy"], decision["reason"]) == ("olga", "It is time")


def expect_no_trace(tab):
    """No token, code or verifier is in the address, the document or a storage."""
    assert tab.run("return [location.search, document.cookie, Object.entries(sessionStorage), Object.entries(localStorage)]") == [
        "", "", [["causeway.provider", "signed-in"]], [],
    ]  # fmt: skip
    expect_no_token("the document", tab.run("return document.documentElement.outerHTML"))


def test_a_provider_signs_in_and_the_token_is_renewed_unseen(deployment, provider, console, tenant):
    provider.user, provider.gives_refresh_tokens = (tenant, "olga", ("admin",)), True
    provider.grants.clear()
    deployment.intake.publish(requested("app_1", tenant))
    tab = console()
    tab.run("location.hash = '#/approvals'")
    go_to_provider(tab, provider)
    wait_granted(provider, "authorization_code")
    tab.wait_live()
    assert tab.run("return location.href") == f"{provider.redirect_uri}#/approvals", "the address from before is there"
    assert "olga" in tab.text("#who")
    expect_no_trace(tab)

    type_reason(tab)
    revoke(deployment, provider, tenant)
    wait_granted(provider, "authorization_code", "refresh_token")
    decide(deployment, tab, tenant)
    assert not tab.run(_VISIBLE, "#renewal")

    # A reload forgets the token; the provider's session gives the next one without a question.
    tab.driver.refresh()
    wait_granted(provider, "authorization_code", "refresh_token", "authorization_code")
    assert provider.authorizations[-1]["prompt"] == "none"
    tab.wait_live()
    assert tab.run("return location.hash") == "#/approvals"
    expect_no_trace(tab)
    tab.click("#sign-out")
    eventually(lambda: provider.logouts and provider.revoked, "the provider is told", timeout=60)
    tab.wait_for(lambda: tab.run(_VISIBLE, "#provider-open"), "nobody is signed in")
    assert tab.run("return Object.keys(sessionStorage)") == [] and len(provider.grants) == 3


def test_a_provider_without_refresh_tokens_is_asked_in_another_window(deployment, provider, console, tenant):
    provider.user, provider.gives_refresh_tokens = (tenant, "olga", ("admin",)), False
    provider.grants.clear()
    deployment.intake.publish(requested("app_1", tenant))
    tab = console()
    provider.failure = "access_denied"
    go_to_provider(tab, provider)
    tab.wait_for_text("#sign-in-error", "Sign-in was cancelled")
    assert tab.run("return location.search") == ""
    tab.wait_for(lambda: tab.run(_VISIBLE, "#provider-open"), "the provider is offered")
    expect_accessible(tab)
    provider.failure = None
    go_to_provider(tab, provider)
    wait_granted(provider, "authorization_code")
    tab.wait_live()

    type_reason(tab)
    windows = len(tab.driver.window_handles)
    revoke(deployment, provider, tenant)
    tab.wait_for_text("#decide #renewal-text", "Your sign-in is no longer accepted")
    provider.failure = "access_denied"
    tab.click("#renewal-open")
    tab.wait_for_text("#decide #renewal-text", "Sign-in was cancelled")
    provider.failure = None
    tab.click("#renewal-open")
    wait_granted(provider, "authorization_code", "authorization_code")
    tab.wait_for(lambda: not tab.run(_VISIBLE, "#renewal"), "the notice is gone")
    decide(deployment, tab, tenant)
    expect_no_trace(tab)
    tab.wait_for(lambda: len(tab.driver.window_handles) == windows, "the windows are closed")


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [("ISSUER", 'https://id"; return 200; #'), ("ISSUER", "http://id.example"), ("ISSUER", ""), ("CLIENT_ID", "$host"), ("SCOPES", "email")],
)
def test_what_is_no_provider_stops_the_generator(tmp_path, setting, wrong):
    command = [ROOT / "deploy/nginx/configure", "--directory", tmp_path, "sse-edge=127.0.0.1:1"]
    right = {"CONSOLE_OIDC_ISSUER": "https://id.example/realms/acme", "CONSOLE_OIDC_CLIENT_ID": "console"}
    environment = os.environ | right | {f"CONSOLE_OIDC_{setting}": wrong}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    error = done.stderr.splitlines()[-1].upper().replace("-", "_")
    assert done.returncode != 0 and f"CONSOLE_OIDC_{setting}" in error, done.stderr
    assert not (tmp_path / "nginx.conf").exists()
