import NIOCore
import NIOTLS

/// The bytes of one connection as they came, each piece with the moment of its arrival. Used by one task.
final class Wire {
    /// What comes next.
    enum Arrival {
        case bytes([UInt8], at: NIODeadline)
        case closed(abrupt: Bool, at: NIODeadline)
        /// Nothing came in time.
        case nothing
    }

    /// The most bytes that are taken from one connection, and so the most that may wait here unread.
    static let maximumBytes = 16 * 1024 * 1024

    /// What TLS settled on.
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

    /// Sends bytes. A connection that is gone is told by what comes next.
    func send(_ bytes: [UInt8]) {
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// What comes next, until the deadline.
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
            // A deadline that was met, or what opened the connection.
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

/// What happens on a connection.
enum WireEvent: Sendable {
    /// It can be used.
    case ready(alpn: String?)
    case bytes(ByteBuffer, at: NIODeadline)
    /// More came than is looked at.
    case enough
    case closed((any Error)?, at: NIODeadline)
    case deadline(Int)
}

/// Puts what happens on a connection into a queue.
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
        // Closing it here would look as if a proxy had done so.
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
