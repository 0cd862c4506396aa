"""Tokens signed by other libraries, with keys of every kind."""

import json

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jwt as jwcrypto_jwt

from .tokens import SECRET

KEYS = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
#: The `kty` of each algorithm's keys.
TYPES = {"HS256": "oct", "ES256": "EC", "RS256": "RSA", "EdDSA": "OKP"}


def by_pyjwt(claims, algorithm):
    return jwt.encode(claims, KEYS.get(algorithm, SECRET), algorithm, headers={"kid": algorithm})


def by_joserfc(claims, algorithm):
    key = joserfc_jwk.import_key(pem(KEYS[algorithm]) if algorithm in KEYS else SECRET, TYPES[algorithm])
    return joserfc_jwt.encode({"alg": algorithm, "kid": algorithm}, claims, key, algorithms=[algorithm])


def by_jwcrypto(claims, algorithm):
    key = jwcrypto_jwk.JWK.from_pem(pem(KEYS[algorithm])) if algorithm in KEYS else jwcrypto_jwk.JWK.from_password(SECRET)
    token = jwcrypto_jwt.JWT(header={"alg": algorithm, "kid": algorithm}, claims=claims)
    token.make_signed_token(key)
    return token.serialize()


def pem(key):
    """The private key, as libraries read it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


#: Each takes claims and the name of an algorithm, which is also the key's id, and returns a token.
LIBRARIES = [by_pyjwt, by_joserfc, by_jwcrypto]


def key_set():
    """The public keys as a JSON Web Key Set, which jwcrypto has written."""
    keys = [jwcrypto_jwk.JWK.from_pem(pem(key)).export_public(as_dict=True) | {"kid": name} for name, key in KEYS.items()]
    return json.dumps({"keys": keys})
