"""Fixtures that several modules of console tests have. Assign them: `deployment, browser, console = console_fixtures()`."""

import pytest

from .console import ConsoleBrowser, tabs_of
from .console_deployment import console_deployment


def console_fixtures():
    """Returns the fixtures of a module with one deployment and one browser: both, and what opens tabs of the console, signed out."""

    @pytest.fixture(scope="module")
    def deployment():
        with console_deployment() as stack:
            yield stack

    @pytest.fixture(scope="module")
    def browser(tmp_path_factory):
        browser = ConsoleBrowser(tmp_path_factory.mktemp("chromium"))
        yield browser
        browser.close()

    @pytest.fixture
    def console(deployment, browser):
        with tabs_of(browser, deployment.nginx.url + "/console/") as open_tab:
            yield open_tab

    return deployment, browser, console


def publish_fixture():
    """Returns a fixture that publishes one event of the test's tenant, and returns its id."""

    @pytest.fixture
    def publish(deployment, tenant):
        def publish_one(type, user=None, **payload):
            event = {"type": type, "tenant": tenant, "payload": payload} | ({"user": user} if user else {})
            [id] = deployment.intake.publish(event)
            return id

        return publish_one

    return publish
