"""A collector of spans: OTLP over HTTP, in JSON, as OpenTelemetry's own definitions read it."""

import base64
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from .waiting import eventually

#: The members that OTLP writes in hexadecimal, where the JSON of Protocol Buffers has Base64.
_IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}


def values_of(attributes):
    """The attributes as a dictionary."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@dataclass(frozen=True)
class CollectedSpan:
    """A span, with the resource that sent it."""

    resource: dict
    span: Span

    @property
    def service(self):
        return self.resource["service.name"]

    @property
    def name(self):
        return self.span.name

    @property
    def kind(self):
        return Span.SpanKind.Name(self.span.kind).removeprefix("SPAN_KIND_").lower()

    @property
    def id(self):
        return self.span.span_id.hex()

    @property
    def parent(self):
        return self.span.parent_span_id.hex()

    @property
    def is_error(self):
        return self.span.status.code == Status.STATUS_CODE_ERROR

    @property
    def attributes(self):
        return values_of(self.span.attributes)


def parsed(body):
    """The spans of a request. Fails unless every member is one of the protocol, in its form."""

    def converted(members):
        result = {}
        for name, value in members:
            if name in _IDS:
                raw = bytes.fromhex(value)
                assert raw.hex() == value and len(raw) == _IDS[name] and any(raw), f"{name}: {value}"
                value = base64.b64encode(raw).decode()
            if name.endswith("UnixNano") or name == "intValue":
                assert isinstance(value, str), f"{name} is a number"
            assert name != "kind" or isinstance(value, int), f"kind: {value}"
            result[name] = value
        return result

    document = json.loads(body, object_pairs_hook=converted)
    request = json_format.ParseDict(document, ExportTraceServiceRequest())
    return [
        CollectedSpan(values_of(group.resource.attributes), span)
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.collector.take(self.path, self.headers, body)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A process that ends may break its connection."""


class Collector:
    """An HTTP server on loopback. `with Collector() as collector:` ends it, and fails for a request that was not of the protocol."""

    def __init__(self, *, refusals=0, authorization=None):
        """`refusals`: so many requests get 503 first. `authorization`: the header that every request must have; None for none."""
        self._lock, self._spans, self._refusals, self.errors = threading.Lock(), [], refusals, []
        self._authorization = authorization
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.collector = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="collector of spans", daemon=True).start()
        return self

    def __exit__(self, kind, *_):
        self._server.shutdown()
        self._server.server_close()
        assert kind or not self.errors, self.errors

    def take(self, path, headers, body):
        """Handles a request, and returns the status of the answer; called by a thread of the server."""
        with self._lock:
            if self._refusals:
                self._refusals -= 1
                return 503
        try:
            assert (path, headers["content-type"]) == ("/v1/traces", "application/json")
            assert headers["authorization"] == self._authorization, f"authorization: {headers['authorization']}"
            spans = parsed(body)
        except (AssertionError, ValueError, json_format.ParseError) as error:
            self.errors.append(f"{type(error).__name__}: {error}: {body[:1000]!r}")
            return 400
        with self._lock:
            self._spans += spans
        return 200

    def spans(self, trace):
        """The spans of a trace so far."""
        with self._lock:
            return [each for each in self._spans if each.span.trace_id.hex() == trace]

    def wait_for(self, trace, *names):
        """Waits until the trace has spans of these names, and returns them in that order. Fails if one is there twice.

        Spans of failures are left out: an attempt at a webhook that failed is made again.
        """

        def found():
            spans = [each for each in self.spans(trace) if not each.is_error]
            return spans if set(names) <= {each.name for each in spans} else None

        try:
            spans = eventually(found, f"the spans {names}", timeout=60)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; of the trace: {[each.name for each in self.spans(trace)]}; errors: {self.errors}") from None
        by_name = {name: [each for each in spans if each.name == name] for name in names}
        assert all(len(same) == 1 for same in by_name.values()), f"twice: {[each.name for each in spans]}"
        return [by_name[name][0] for name in names]
