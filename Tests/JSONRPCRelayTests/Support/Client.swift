import Synchronization
import TestKit

@testable import jsonrpc_relay

/// A connection without a socket: an engine, its session on the bus, and the texts sent to the client.
final class Client: Sendable {
    private struct State {
        var engine = makeEngine()
        var session: CommandSession?
        var sent: [String] = []
    }

    private let state = Mutex(State())

    init(_ bus: CommandBus, _ caller: CommandCaller = CommandCaller(tenant: "acme", user: "ann")) {
        let session = bus.session(for: caller) { [weak self] token, update in
            self?.apply { engine in
                switch update {
                case .progress(let progress): engine.progressed(token, progress)
                case .completed(let outcome): engine.completed(token, outcome)
                }
            }
        }
        state.withLock { $0.session = session }
    }

    var sent: [JSONTree] { state.withLock { $0.sent }.compactMap { JSONTree($0) } }

    func send(_ text: String) {
        apply { $0.receive(text) }
    }

    func close() {
        apply { $0.closed() }
    }

    private func apply(_ change: (inout RelayEngine) -> [RelayOutput]) {
        state.withLock { state in
            for output in change(&state.engine) {
                switch output {
                case .send(let text): state.sent.append(string(text))
                case .command(let command): state.session?.send(command)
                case .cancel(let token): state.session?.cancel(token)
                case .authenticate, .writeIDs, .resume: break
                }
            }
        }
    }
}
