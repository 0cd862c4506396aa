"""Doors for what a security event token carries: identifiers, numbers and JSON (contract §13)."""

import json

from .doors import Accepted, Door, Improper, Refused, new_mark
from .event_doors import as_json
from .identifiers import TENANT, USER
from .identity_provider import AUDIENCE, HEADER, ISSUER, MEDIA_TYPE, PATH, SESSION_REVOKED, expect_form, opaque, subject, user
from .json_doors import SPOT, JSONDoor
from .number_doors import NumberDoor, whole

#: Nobody else has tokens of this user: the events revoke them.
USER_OF_DOORS = "usr_doors"


def _push(world, token):
    answer = world.call(world.approvals, "POST", PATH, content=token.encode(), content_type=MEDIA_TYPE)
    expect_form(answer)
    if answer.status_code == 202:
        return Accepted()
    if answer.status_code != 400:
        raise Improper(f"answered with {answer.status_code} {answer.text}")
    return Refused(answer.json()["description"])


class SecurityEventSubject(Door):
    """The user and the tenant of an event's subject."""

    name = "subject of a security event"
    takes = {TENANT: "tenant", USER: "user"}
    stores = False

    def offer(self, world, offer):
        is_user = offer.identifier == USER
        named = subject(tenant=offer.tenant, user=user(offer.text)) if is_user else subject(user=user(USER_OF_DOORS), tenant=opaque(offer.text))
        return _push(world, world.provider.sign(as_json(world.provider.claims(named))))


class SecurityEventNumber(NumberDoor):
    """A time in a security event."""

    def __init__(self, name):
        self.name, self._name = f"{name} of a security event", name

    def offer(self, world, text, tenant):
        claims = world.provider.claims(subject(tenant, user=user(USER_OF_DOORS)))
        holder = claims if self._name == "iat" else claims["events"][SESSION_REVOKED]
        holder[self._name] = "@number@"
        answer = _push(world, world.provider.sign(json.dumps(claims).replace('"@number@"', text or '""').encode()))
        if isinstance(answer, Accepted) and (whole(text) or 0) >= 2**31:
            raise Improper("an event of the future is accepted")


class SecurityEventPart(JSONDoor):
    """The claims, or the header, of a security event token that is signed well."""

    def __init__(self, part):
        self.name, self._part = f"{part} of a security event", part

    def document(self, tenant):
        if self._part == "header":
            return json.dumps(HEADER)[:-1] + f',"free":{SPOT}}}'
        members = {"iss": ISSUER, "aud": AUDIENCE, "jti": f"json-{new_mark()}", "iat": 1, "events": {"https://doors.example/event": {}}}
        return json.dumps(members)[:-1] + f',"free":{SPOT}}}'

    def offer(self, world, body, tenant):
        if self._part == "claims":
            return _push(world, world.provider.sign(body))
        claims = json.dumps(world.provider.claims(subject(tenant, user=user(USER_OF_DOORS)))).encode()
        return _push(world, world.provider.sign(claims, header=body))
