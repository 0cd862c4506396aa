"""All surfaces, as parameters of tests."""

import pytest

from .long_poll import LongPoll
from .relay import Relay
from .services import is_built
from .surfaces import NotificationStream
from .workspace import WorkspaceStream

#: Every surface that shows a tenant's log and can resume.
SURFACES = [NotificationStream(), WorkspaceStream(), LongPoll(), Relay()]
#: Those of which one connection stays.
STREAMS = [surface for surface in SURFACES if surface.is_stream]


def parameters(surfaces):
    """Those surfaces as parameters. One whose executable was not built is skipped, so that the others can be tried without it."""
    return [
        pytest.param(
            surface,
            id=surface.name.replace(" ", "-"),
            marks=pytest.mark.skipif(not is_built(surface.executable), reason=f"{surface.executable} is not built"),
        )
        for surface in surfaces
    ]


#: Marks a test that is about connections that stay.
on_streams = pytest.mark.parametrize("surface", parameters(STREAMS))
#: Marks a test that is about streams of all of a tenant's events.
on_streams_of_everything = pytest.mark.parametrize("surface", parameters(surface for surface in STREAMS if surface.carries_everything))
#: Marks a test that is about surfaces with all of a tenant's events.
on_surfaces_of_everything = pytest.mark.parametrize("surface", parameters(surface for surface in SURFACES if surface.carries_everything))
#: Marks a test that is about heartbeats.
on_surfaces_with_heartbeats = pytest.mark.parametrize("surface", parameters(surface for surface in SURFACES if surface.has_heartbeats))
