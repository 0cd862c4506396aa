import CLinux
import Glibc

/// HTTP/1.1 clients, each with a persistent connection and one request at a time, sent as soon as the previous one is answered.
///
/// One epoll loop, on the thread that calls ``run(_:)``.
final class ExchangeLoop {
    private struct Client {
        let descriptor: Int32
        /// Index of the pending exchange, if any.
        var exchange: Int?
        var sent: UInt64 = 0
        var received: [UInt8] = []
    }

    /// Time limit without any answer; seconds.
    private static let patience = 10
    private static let eventsPerRound = 256
    private static let scratchBytes = 64 * 1024

    private let epoll: Int32
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: scratchBytes, alignment: 16)
    private var clients: [Client] = []

    /// Connects all clients.
    init(address: SocketAddress, clients count: Int) throws(LoadError) {
        epoll = try SystemCall.check("epoll_create1", epoll_create1(Int32(EPOLL_CLOEXEC)))
        for slot in 0..<count {
            let descriptor = try address.connected(timeout: Self.patience)
            clients.append(Client(descriptor: descriptor))
            var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64(slot)))
            try SystemCall.check("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event))
        }
    }

    deinit {
        for client in clients { close(client.descriptor) }
        close(epoll)
        scratch.deallocate()
    }

    /// Sends `exchanges` in order, each by the next free client, and returns when all are answered.
    /// - Throws: at the first unexpected answer; the loop is unusable afterwards.
    func run(_ exchanges: [Exchange]) throws(LoadError) -> ExchangeTally {
        var tally = ExchangeTally()
        var events = [epoll_event](repeating: epoll_event(), count: Self.eventsPerRound)
        var next = 0
        let began = MonotonicClock.now()
        while next < min(clients.count, exchanges.count) {
            try send(next, of: exchanges, on: next)
            next += 1
        }
        while tally.latency.count < exchanges.count {
            let ready = epoll_wait(epoll, &events, Int32(events.count), Int32(Self.patience * 1000))
            guard ready != 0 else {
                throw LoadError(
                    "With \(tally.latency.count) of \(exchanges.count) requests answered, no answer came for \(Self.patience) s."
                )
            }
            for event in events.prefix(Int(max(0, ready))) {
                let slot = Int(event.data.u64)
                guard let (exchange, answer) = try receive(on: slot) else { continue }
                let now = MonotonicClock.now()
                tally.latency.record(now - clients[slot].sent)
                tally.wall = now - began
                try exchanges[exchange].check(answer)
                guard next < exchanges.count else { continue }
                try send(next, of: exchanges, on: slot)
                next += 1
            }
        }
        return tally
    }

    private func send(_ exchange: Int, of exchanges: [Exchange], on slot: Int) throws(LoadError) {
        clients[slot].exchange = exchange
        clients[slot].sent = MonotonicClock.now()
        try SystemCall.sendAll(exchanges[exchange].request, to: clients[slot].descriptor)
    }

    /// Reads once. Returns the answer and the index of its exchange when the answer is complete.
    private func receive(on slot: Int) throws(LoadError) -> (exchange: Int, answer: HTTPAnswer)? {
        let count = recv(clients[slot].descriptor, scratch.baseAddress, scratch.count, Int32(MSG_DONTWAIT))
        if count < 0, errno == EAGAIN || errno == EINTR { return nil }
        guard count > 0, let exchange = clients[slot].exchange else {
            throw LoadError("A connection was closed by the server, or broke; look at its log.")
        }
        clients[slot].received += UnsafeRawBufferPointer(rebasing: scratch[..<count])
        guard let answer = try HTTPAnswer(clients[slot].received) else { return nil }
        clients[slot].received.removeAll(keepingCapacity: true)
        clients[slot].exchange = nil
        return (exchange, answer)
    }
}
