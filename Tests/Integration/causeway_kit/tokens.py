"""Tokens as contract §1 describes them, made without any of Causeway's code."""

import base64
import hashlib
import hmac
import re
import time

import jwt

# As long as HS512 wants it, so that one secret serves every algorithm that a test tries.
SECRET = "integration-tests-share-this-secret-of-more-than-sixty-four-bytes-with-their-services"
#: Within what time every process refuses what was revoked, and has ended its connections, in seconds (docs/authentication.md).
PROMPT = 1.0

# What no log may hold: anything that begins like a JWT (`{"` in base64url) or a ticket, percent-encoded or not; secrets of webhooks; the secret of
# tokens.
_LEAK = re.compile(r"(?:eyJ|tkt_)[A-Za-z0-9_.%-]{12,}|whsec_[A-Za-z0-9+/]{12,}|" + re.escape(SECRET))


def mint(tenant="acme", user="usr_1", roles=("member",), *, lifetime=3600, secret=SECRET, algorithm="HS256", headers=None, **claims):
    """A token for `user` of `tenant`. `claims` add to its claims or replace them; a value of None leaves the claim out."""
    everything = {"sub": user, "tenant_id": tenant, "roles": list(roles), "exp": int(time.time()) + lifetime} | claims
    return jwt.encode({name: value for name, value in everything.items() if value is not None}, secret, algorithm, headers=headers)


def sign(claims, *, header=b'{"alg":"HS256","typ":"JWT"}', secret=SECRET):
    """A token whose header and claims are those bytes, whatever they are."""
    head, body = (base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims))
    signature = hmac.new(secret.encode(), head + b"." + body, hashlib.sha256).digest()
    return b".".join((head, body, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()


def producer_token(tenant="acme", **claims):
    """A service token that may publish for every tenant."""
    return mint(tenant, user="svc_producer", roles=("producer",), **claims)


def expect_no_token(name, text):
    """Fails when `text`, say a log, shows a token, a ticket or a secret."""
    leak = _LEAK.search(text)
    if leak:
        line = next(line for line in text.splitlines() if leak.group() in line)
        raise AssertionError(f"{name} shows a token, a ticket or a secret: {leak.group()[:24]}… in: {line[:300]}")
