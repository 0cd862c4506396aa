package import Basics
import Glibc
package import NIOCore
import NIOHTTP1

/// Moves an accepted connection out of NIO: keeps the descriptor, and closes the channel.
package enum SocketAdoption {
    /// A connection that has left NIO.
    package struct Taken: Sendable {
        /// The descriptor; the caller must close it.
        package let descriptor: Int32
        /// Bytes after the handshake that NIO had already read.
        package let earlyBytes: [UInt8]
        /// The descriptor's place in the budget until it is closed; nil for a channel without a budget.
        package let place: DescriptorBudget.Place?
    }

    /// The reason why a connection cannot leave NIO.
    package enum Failure: Error {
        /// The channel is not a socket, or is already closed.
        case noDescriptor
        case systemCall(SystemCallError)
    }

    /// Duplicates the channel's descriptor, and closes the channel without shutting the connection down. Flushes earlier responses of this
    /// connection from NIO's buffers first, because the delivery loop's bytes must not overtake them.
    ///
    /// - Parameters:
    ///   - isUpgrade: whether the bytes after the request are not HTTP, and are kept.
    ///   - isStream: whether the connection was admitted; one that was not may be closed in favour of a new one.
    package static func take(_ channel: any Channel, isUpgrade: Bool, isStream: Bool) async throws -> Taken {
        try await self.flush(channel).get()
        let earlyBytes = isUpgrade ? try await self.removeDecoder(of: channel).get() : []
        return try await channel.eventLoop.submit {
            let duplicate = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { handle in
                fcntl(handle, F_DUPFD_CLOEXEC, 0)
            }
            guard let duplicate else { throw Failure.noDescriptor }
            guard duplicate >= 0 else { throw Failure.systemCall(SystemCallError(call: "fcntl", code: errno)) }
            // Before the channel closes, which releases the place.
            let place = (try? channel.pipeline.syncOperations.handler(type: ConnectionPlaceHandler.self))?.handOver(
                to: duplicate,
                isStream: isStream
            )
            channel.close(promise: nil)
            return Taken(descriptor: duplicate, earlyBytes: earlyBytes, place: place)
        }.get()
    }

    /// Removes the decoder from the pipeline, and returns the bytes that it holds after an upgrade request.
    private static func removeDecoder(of channel: any Channel) -> EventLoopFuture<[UInt8]> {
        channel.eventLoop.flatSubmit {
            do {
                let pipeline = channel.pipeline.syncOperations
                let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
                let collector = EarlyBytesHandler()
                try pipeline.addHandler(collector, position: .after(decoder.handler))
                return pipeline.removeHandler(context: decoder).assumeIsolated().map { collector.bytes }.nonisolated()
            } catch {
                return channel.eventLoop.makeFailedFuture(error)
            }
        }
    }

    /// Waits until all written bytes are in the kernel.
    private static func flush(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.flatSubmit {
            do {
                let options = channel.syncOptions
                if try options?.getOption(.bufferedWritableBytes) ?? 0 == 0 { return channel.eventLoop.makeSucceededVoidFuture() }
                // Written below the encoder, where the pipeline has raw bytes.
                let encoder = try channel.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
                let promise = channel.eventLoop.makePromise(of: Void.self)
                encoder.writeAndFlush(NIOAny(IOData.byteBuffer(ByteBuffer())), promise: promise)
                return promise.futureResult
            } catch {
                return channel.eventLoop.makeFailedFuture(error)
            }
        }
    }
}

/// Collects the bytes that a decoder forwards on its removal, and those that arrive after it.
private final class EarlyBytesHandler: ChannelInboundHandler {
    /// `IOData`. Other types are decoded requests, which are ignored.
    typealias InboundIn = Any

    private(set) var bytes: [UInt8] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .byteBuffer(let buffer)? = self.unwrapInboundIn(data) as? IOData { self.bytes += Array(buffer: buffer) }
    }
}
