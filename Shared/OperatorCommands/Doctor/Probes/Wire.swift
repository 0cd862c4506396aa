import NIOCore
import NIOTLS

/// One connection: its received bytes, each read with its time of arrival. Used by one task.
final class Wire {
    /// What happened next.
    enum Arrival {
        case bytes([UInt8], at: NIODeadline)
        case closed(abrupt: Bool, at: NIODeadline)
        /// Nothing arrived before the deadline.
        case nothing
    }

    /// Maximum number of bytes read from one connection, which bounds the queue.
    static let maximumBytes = 16 * 1024 * 1024

    /// The protocol that TLS negotiated.
    let alpn: String?
    private let channel: any Channel
    private let deadlines: AsyncStream<WireEvent>.Continuation
    private var events: AsyncStream<WireEvent>.AsyncIterator
    private var deadlineNumber = 0

    init(
        alpn: String?,
        channel: any Channel,
        events: AsyncStream<WireEvent>.AsyncIterator,
        deadlines: AsyncStream<WireEvent>.Continuation
    ) {
        self.alpn = alpn
        self.channel = channel
        self.events = events
        self.deadlines = deadlines
    }

    /// Sends bytes. A lost connection is reported by the next read.
    func send(_ bytes: [UInt8]) {
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// Waits for the next event, until the deadline.
    ///
    /// - Throws: `CancellationError`.
    func next(until deadline: NIODeadline) async throws -> Arrival {
        deadlineNumber += 1
        let (number, deadlines) = (deadlineNumber, deadlines)
        let timer = channel.eventLoop.scheduleTask(deadline: deadline) { _ = deadlines.yield(.deadline(number)) }
        defer { timer.cancel() }
        while let event = await events.next(isolation: #isolation) {
            switch event {
            case .bytes(let buffer, let at): return .bytes(Array(buffer.readableBytesView), at: at)
            case .closed(let error, let at): return .closed(abrupt: error != nil, at: at)
            case .deadline(number), .enough: return .nothing
            // An outdated deadline, or the event that opened the connection.
            case .deadline, .ready: continue
            }
        }
        throw CancellationError()
    }

    /// Closes the connection. Does not wait.
    func close() {
        channel.close(promise: nil)
        deadlines.finish()
    }
}

/// An event of a connection.
enum WireEvent: Sendable {
    /// The connection can be used.
    case ready(alpn: String?)
    case bytes(ByteBuffer, at: NIODeadline)
    /// The read limit is exceeded.
    case enough
    case closed((any Error)?, at: NIODeadline)
    case deadline(Int)
}

/// Queues the events of a connection.
final class WireRecorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let events: AsyncStream<WireEvent>.Continuation
    private let isSecure: Bool
    private var error: (any Error)?
    private var taken = 0

    init(isSecure: Bool, events: AsyncStream<WireEvent>.Continuation) {
        self.isSecure = isSecure
        self.events = events
    }

    func channelActive(context: ChannelHandlerContext) {
        if !isSecure { events.yield(.ready(alpn: nil)) }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let alpn) = event as? TLSUserEvent { events.yield(.ready(alpn: alpn)) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        let isFull = taken > Wire.maximumBytes
        taken += bytes.readableBytes
        guard taken > Wire.maximumBytes else {
            events.yield(.bytes(bytes, at: .now()))
            return
        }
        // Not closed here, because that would look like a close by the proxy.
        if !isFull { events.yield(.enough) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.error = self.error ?? error
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        events.yield(.closed(error, at: .now()))
        events.finish()
        context.fireChannelInactive()
    }
}
