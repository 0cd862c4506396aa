"""An identity provider that pushes Security Event Tokens (RFC 8417, RFC 8935), made without any of Causeway's code."""

import base64
import itertools
import json
import os
import time

import httpx
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jwt as jwcrypto_jwt

PATH = "/v1/tokens/events"
MEDIA_TYPE = "application/secevent+jwt"
ISSUER, AUDIENCE = "https://id.example", "https://causeway.example"
SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
HEADER = {"alg": "ES256", "kid": "idp", "typ": "secevent+jwt"}

_numbers = itertools.count(1)


def by_joserfc(key, header, claims):
    return joserfc_jwt.encode(header, claims, joserfc_jwk.import_key(_pem(key), "EC"), algorithms=["ES256"])


def by_jwcrypto(key, header, claims):
    token = jwcrypto_jwt.JWT(header=header, claims=claims)
    token.make_signed_token(jwcrypto_jwk.JWK.from_pem(_pem(key)))
    return token.serialize()


def _pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def user(sub, issuer=ISSUER):
    """A subject identifier of a user (RFC 9493 §3.2.3)."""
    return {"format": "iss_sub", "iss": issuer, "sub": sub}


def opaque(id):
    return {"format": "opaque", "id": id}


def jwt_id(jti, issuer=ISSUER):
    return {"format": "jwt_id", "iss": issuer, "jti": jti}


def subject(tenant="acme", **parts):
    """A complex subject, as CAEP has it; `tenant`: its name, or an identifier."""
    return {"format": "complex", "tenant": opaque(tenant) if isinstance(tenant, str) else tenant} | parts


class IdentityProvider:
    """Signs security events with one key, whose public part is in a key set file. `settings`: those of approval-api."""

    def __init__(self, directory):
        self._directory = directory
        self._file = directory / "idp-keys.json"
        self.rotate()

    @property
    def settings(self):
        return {"security_events_issuer": ISSUER, "security_events_audience": AUDIENCE, "security_events_jwks_file": self._file}

    def rotate(self):
        """Signs with a new key from now on, and publishes it alone."""
        self.key = ec.generate_private_key(ec.SECP256R1())
        public = jwcrypto_jwk.JWK.from_pem(_pem(self.key)).export_public(as_dict=True) | {"kid": "idp", "alg": "ES256", "use": "sig"}
        new = self._directory / "idp-keys.new"
        new.write_text(json.dumps({"keys": [public]}))
        os.replace(new, self._file)

    def claims(self, subject, **changes):
        """The claims of a session-revoked event of now. A value of None leaves a claim out."""
        everything = {
            "iss": ISSUER, "aud": AUDIENCE, "jti": f"set-{next(_numbers)}", "iat": int(time.time()), "sub_id": subject,
            "events": {SESSION_REVOKED: {"event_timestamp": int(time.time()), "initiating_entity": "admin"}},
        } | changes  # fmt: skip
        return {name: value for name, value in everything.items() if value is not None}

    def token(self, subject, *, library=by_joserfc, header=None, key=None, **changes):
        return library(key or self.key, HEADER | (header or {}), self.claims(subject, **changes))

    def sign(self, claims, header=None, key=None):
        """A token whose header and claims are those bytes, whatever they are."""
        parts = (json.dumps(HEADER).encode() if header is None else header, claims)
        message = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        r, s = utils.decode_dss_signature((key or self.key).sign(message, ec.ECDSA(SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return (message + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def push(service, token, **headers):
    """Delivers a token as a transmitter does; its answer must have the form of RFC 8935 or, beyond 400, of contract §1."""
    fields = {"Content-Type": MEDIA_TYPE, "Accept": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = httpx.post(service.url + PATH, content=token, headers=fields, timeout=30)
    expect_form(answer)
    return answer


def expect_form(answer):
    """Fails for an answer that RFC 8935 §2.2 and §2.3 do not know."""
    about = f"{answer.status_code} {answer.text[:300]}"
    assert answer.headers["x-request-id"], about
    if answer.status_code == 202:
        assert not answer.content, about
        return
    assert answer.headers["content-type"] == "application/json", about
    body = answer.json()
    if answer.status_code == 400:
        assert set(body) == {"err", "description"} and body["description"], about
        assert answer.headers["content-language"] == "en", about
    else:
        assert set(body) == {"error", "message"} and body["message"], about
    assert "eyJ" not in answer.text, f"the answer repeats the token: {about}"
