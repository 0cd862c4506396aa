package import Basics
import Glibc
package import NIOCore
import NIOHTTP1

/// Takes an accepted connection out of NIO: its descriptor goes on, its channel ends.
package enum SocketAdoption {
    /// A connection that has left NIO.
    package struct Taken: Sendable {
        /// The caller's to close.
        package let descriptor: Int32
        /// What the client sent behind its handshake and NIO had read already.
        package let earlyBytes: [UInt8]
        /// What the descriptor counts against, until it is closed; nil for a channel without a budget.
        package let place: DescriptorBudget.Place?
    }

    /// Why a connection cannot leave NIO.
    package enum Failure: Error {
        /// The channel is not a socket, or closed already.
        case noDescriptor
        case systemCall(SystemCallError)
    }

    /// Duplicates the channel's descriptor and closes the channel without shutting the connection down. NIO must owe the peer nothing:
    /// what an earlier answer on this connection left in its buffers is flushed first, because the loop's bytes must not overtake it.
    ///
    /// - Parameters:
    ///   - isUpgrade: Whether what the client sends behind its request is no HTTP any more, and to be kept.
    ///   - isStream: Whether the connection was admitted; one that was not may be closed in favour of a new one.
    package static func take(_ channel: any Channel, isUpgrade: Bool, isStream: Bool) async throws -> Taken {
        try await self.flush(channel).get()
        let earlyBytes = isUpgrade ? try await self.removeDecoder(of: channel).get() : []
        return try await channel.eventLoop.submit {
            let duplicate = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { handle in
                fcntl(handle, F_DUPFD_CLOEXEC, 0)
            }
            guard let duplicate else { throw Failure.noDescriptor }
            guard duplicate >= 0 else { throw Failure.systemCall(SystemCallError(call: "fcntl", code: errno)) }
            // Before the channel closes, which gives up its hold on the place.
            let place = (try? channel.pipeline.syncOperations.handler(type: ConnectionPlaceHandler.self))?.handOver(
                to: duplicate,
                isStream: isStream
            )
            channel.close(promise: nil)
            return Taken(descriptor: duplicate, earlyBytes: earlyBytes, place: place)
        }.get()
    }

    /// Takes the decoder out of the pipeline, which gives up what it holds behind a request for an upgrade.
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

    /// Succeeds when everything written so far is with the kernel.
    private static func flush(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.flatSubmit {
            do {
                let options = channel.syncOptions
                if try options?.getOption(.bufferedWritableBytes) ?? 0 == 0 { return channel.eventLoop.makeSucceededVoidFuture() }
                // Below the encoder, where bytes are bytes.
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

/// Stands where bytes come out of a decoder that is removed, and from then on where they come in.
private final class EarlyBytesHandler: ChannelInboundHandler {
    /// `IOData`; other types are requests that the decoder found, and are ignored.
    typealias InboundIn = Any

    private(set) var bytes: [UInt8] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .byteBuffer(let buffer)? = self.unwrapInboundIn(data) as? IOData { self.bytes += Array(buffer: buffer) }
    }
}
