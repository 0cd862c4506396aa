import Glibc
import NIOCore
import NIOHTTP1

/// Takes an accepted connection out of NIO: its descriptor goes on, its channel ends.
enum SocketAdoption {
    /// Why a connection cannot leave NIO.
    enum Failure: Error {
        /// The channel is not a socket, or closed already.
        case noDescriptor
        case systemCall(SystemCallError)
    }

    /// Duplicates the channel's descriptor and closes the channel without shutting the connection down. The caller
    /// owns the descriptor. NIO must owe the peer nothing: what an earlier answer on this connection left in its
    /// buffers is flushed first, because the loop's bytes must not overtake it.
    static func takeDescriptor(of channel: any Channel) async throws -> Int32 {
        try await self.flush(channel).get()
        return try await channel.eventLoop.submit {
            let duplicate = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { handle in
                fcntl(handle, F_DUPFD_CLOEXEC, 0)
            }
            guard let duplicate else { throw Failure.noDescriptor }
            guard duplicate >= 0 else { throw Failure.systemCall(SystemCallError(call: "fcntl", code: errno)) }
            channel.close(promise: nil)
            return duplicate
        }.get()
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
