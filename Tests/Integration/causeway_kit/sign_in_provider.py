"""An OpenID provider with the authorization code flow and PKCE, made from the specifications. It signs in `user` without a question."""

import base64
import hashlib
import itertools
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from .tokens import mint

CLIENT = "causeway-console"
_KEY_ID = "sign-in"


class SignInProvider:
    """Listens on a free port. `with SignInProvider() as provider:` closes it.

    `user`: tenant, name and roles of who signs in. `redirect_uri`: the registered one. `failure`: the error of the next authorization responses.
    `gives_refresh_tokens`: whether token responses have one. `grants`: the grant types of the tokens that it has given. `faults`: requests that no
    client may send.
    """

    def __init__(self):
        self.user, self.redirect_uri, self.failure, self.gives_refresh_tokens = ("acme", "olga", ("admin",)), None, None, True
        self.authorizations, self.grants, self.faults, self.codes, self.logouts, self.revoked = [], [], [], {}, [], []
        self.token_id = None
        self._has_session = False
        self._refresh_tokens = set()
        self._numbers = itertools.count(1)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.provider = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def issuer(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def settings(self):
        """Those of services that accept its access tokens."""
        return {"auth_jwks_url": f"{self.issuer}/jwks"}

    @property
    def options(self):
        """Those of deploy/nginx/configure."""
        return ("--console-oidc-issuer", self.issuer, "--console-oidc-client-id", CLIENT, "--console-oidc-scopes", "openid offline_access")

    # MARK: Documents

    def discovery(self):
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "end_session_endpoint": f"{self.issuer}/logout",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def jwks(self):
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [public | {"kid": _KEY_ID, "use": "sig", "alg": "ES256"}]}

    # MARK: Endpoints

    def authorize(self, query):
        """The address to redirect to; None for a request that is refused in the provider's own page."""
        self.authorizations.append(query)
        wanted = {"response_type": "code", "client_id": CLIENT, "redirect_uri": self.redirect_uri, "code_challenge_method": "S256"}
        is_random = all(len(query.get(name, "")) >= 43 for name in ("state", "nonce", "code_challenge"))
        if any(query.get(name) != value for name, value in wanted.items()) or not is_random or "openid" not in query["scope"].split():
            return self._fault(f"authorization request {query}")
        answer = {"state": query["state"], "iss": self.issuer}
        error = self.failure or ("login_required" if query.get("prompt") == "none" and not self._has_session else None)
        if error:
            answer |= {"error": error, "error_description": "as the test wants"}
        else:
            self._has_session = True
            answer["code"] = code = secrets.token_urlsafe(24)
            self.codes[code] = query
        return f"{self.redirect_uri}?{urlencode(answer)}"

    def logout(self, query):
        self.logouts.append(query)
        self._has_session = False
        is_registered = query == {"client_id": CLIENT, "post_logout_redirect_uri": self.redirect_uri}
        return self.redirect_uri if is_registered else self._fault(f"logout {query}")

    def token(self, form):
        """The token response; None for a request that is refused."""
        if form.get("client_id") != CLIENT:
            return self._fault("token request of another client")
        if form.get("grant_type") == "refresh_token":
            # Each counts once.
            if form.get("refresh_token") not in self._refresh_tokens:
                return self._fault("refresh token that does not count")
            self._refresh_tokens.remove(form["refresh_token"])
            return self._tokens("refresh_token", {})
        request = self.codes.get(form.get("code"))
        if request is None or request.get("is_used") or form.get("redirect_uri") != request["redirect_uri"]:
            return self._fault("code that does not count")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != request["code_challenge"]:
            return self._fault("code verifier of another challenge")
        request["is_used"] = True
        return self._tokens("authorization_code", {"nonce": request["nonce"]})

    def _tokens(self, grant, claims):
        tenant, name, roles = self.user
        key = {"secret": self._key, "algorithm": "ES256", "headers": {"kid": _KEY_ID}}
        self.token_id = f"{tenant}-{next(self._numbers)}"
        now = int(time.time())
        answer = {"token_type": "Bearer", "expires_in": 3600, "access_token": mint(tenant, name, roles, jti=self.token_id, iat=now, **key)}
        answer["id_token"] = mint(None, name, (), iss=self.issuer, aud=CLIENT, iat=now, **claims, **key)
        if self.gives_refresh_tokens:
            answer["refresh_token"] = secrets.token_urlsafe(24)
            self._refresh_tokens.add(answer["refresh_token"])
        self.grants.append(grant)
        return answer

    def revoke(self, form):
        self._refresh_tokens.discard(form.get("token"))
        self.revoked.append(form)
        return {}

    def _fault(self, what):
        self.faults.append(what)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        provider, url = self.server.provider, urlsplit(self.path)
        documents = {"/.well-known/openid-configuration": provider.discovery, "/jwks": provider.jwks}
        pages = {"/authorize": provider.authorize, "/logout": provider.logout}
        if url.path in documents:
            self._answer(200, documents[url.path]())
        elif url.path in pages:
            address = pages[url.path](dict(parse_qsl(url.query)))
            self._answer(302 if address else 400, {"error": "invalid_request"}, Location=address)
        else:
            self._answer(404, {})

    def do_POST(self):
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        endpoints = {"/token": self.server.provider.token, "/revoke": self.server.provider.revoke}
        answer = endpoints[self.path](form)
        self._answer(400 if answer is None else 200, {"error": "invalid_grant"} if answer is None else answer)

    def _answer(self, status, document, **fields):
        body = json.dumps(document).encode()
        self.send_response(status)
        fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Access-Control-Allow-Origin": "*"} | fields
        for name, value in fields.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
