"""The browser examples of the surfaces that Causeway reimplements, as their documentation shows them: not a character is changed but
the address, and what stands in them for the reader's own token and workspace.
"""

_WORKSPACE_STREAM = r"""
function connectCauseloopStream({ accessToken, workspaceId, onEvent }) {
  const url = new URL('wss://api.causeloop.ai/v1/stream');
  url.searchParams.set('token', accessToken);
  url.searchParams.set('workspace', workspaceId);

  const ws = new WebSocket(url.toString());
  let reconnectDelay = 1000;

  ws.addEventListener('open', () => {
    console.log('[WS] connected');
    reconnectDelay = 1000; // reset backoff on successful open
  });

  ws.addEventListener('message', (event) => {
    const frame = JSON.parse(event.data);

    if (frame.type === 'heartbeat') return; // internal keepalive, ignore
    if (frame.type === 'connected') {
      console.log('[WS] authenticated as workspace', frame.payload.workspace_id);
      return;
    }

    onEvent(frame);
  });

  ws.addEventListener('close', ({ code, reason }) => {
    console.warn(`[WS] closed: ${code} ${reason}`);

    if (code === 4401) {
      // Token expired — refresh before reconnecting
      console.error('[WS] invalid token, re-authenticate before reconnecting');
      return;
    }

    if (code === 4003) {
      console.error('[WS] workspace mismatch, check your workspace_id');
      return;
    }

    // Reconnect with exponential backoff for all other close codes
    const delay = reconnectDelay + Math.random() * 500;
    console.log(`[WS] reconnecting in ${Math.round(delay)}ms`);
    setTimeout(() => connectCauseloopStream({ accessToken, workspaceId, onEvent }), delay);
    reconnectDelay = Math.min(reconnectDelay * 2, 30_000);
  });

  ws.addEventListener('error', (err) => {
    console.error('[WS] error', err);
  });

  return ws;
}

// Usage
const ws = connectCauseloopStream({
  accessToken: '<your_access_token>',
  workspaceId: 'ws_01abc123',
  onEvent: (frame) => {
    switch (frame.type) {
      case 'issue.created':
        console.log('New issue:', frame.payload.title);
        break;
      case 'pattern.detected':
        console.log('Pattern:', frame.payload.name, '— risk:', frame.payload.risk_score);
        break;
      case 'job.updated':
        console.log('Job progress:', frame.payload.progress, frame.payload.status);
        break;
    }
  },
});
"""

_RELAY = r"""
const token = "eyJhbGc...";
const ws = new WebSocket(
  "wss://relay.causeflow.ai/v1/connect",
  [],
);

// Note: browser WebSocket does not support custom headers.
// Use a server-side proxy or query param token for browser clients.

ws.onopen = () => {
  // Subscribe to investigation updates
  ws.send(JSON.stringify({
    jsonrpc: "2.0",
    id: "req_001",
    method: "investigation.subscribe",
    params: { incidentId: "inc_EXAMPLE_01JX" },
  }));

  // Start heartbeat
  setInterval(() => {
    ws.send(JSON.stringify({ jsonrpc: "2.0", id: "ping", method: "ping", params: {} }));
  }, 30000);
};

ws.onmessage = (event) => {
  const msg = JSON.parse(event.data);
  if (msg.method === "investigation.progress") {
    console.log(`[${msg.params.agentName}] ${msg.params.message}`);
  }
  if (msg.method === "investigation.completed") {
    console.log("Investigation complete — root cause:", msg.params.rootCause);
  }
};

ws.onclose = (event) => {
  if (event.code === 1008) {
    console.log("Connection closed by server (policy violation) — check heartbeat");
  }
};
"""


def _replaced(text, **values):
    for old, new in values.items():
        assert text.count(old) == 1, f"{old} is to be replaced once"
        text = text.replace(old, new)
    return text


def workspace_stream_example(url, token, workspace):
    """The example, connecting to `url` with that token to that workspace."""
    return _replaced(_WORKSPACE_STREAM, **{"wss://api.causeloop.ai/v1/stream": url, "<your_access_token>": token, "ws_01abc123": workspace})


def relay_example(url):
    """The example, connecting to `url`, which carries the token because a browser has no other place for it."""
    return _replaced(_RELAY, **{"wss://relay.causeflow.ai/v1/connect": url})
