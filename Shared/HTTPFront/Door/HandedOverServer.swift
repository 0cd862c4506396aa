package import Basics
package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Serves HTTP/1.1 on connections that a ``ConnectionDoor`` has accepted: the pipeline, router and shutdown of a Hummingbird application,
/// without its listener.
package final class HandedOverServer: Sendable {
    private typealias Accepted = ListenerHTTPChannel.Value

    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// Number of descriptors that are being registered with an event loop.
        var registering = 0
        var isStopping = false

        var isDone: Bool { isStopping && channels.isEmpty && registering == 0 }
    }

    private let pipeline: ListenerHTTPChannel
    private let logger: Logger
    private let accepted: AsyncStream<Accepted>
    private let continuation: AsyncStream<Accepted>.Continuation
    private let state = Mutex(State())

    /// - Parameters:
    ///   - responder: handles the requests.
    ///   - bodyTimeout: see ``HummingbirdCore/HTTPServerBuilder/listener(bodyTimeout:budget:)``.
    ///   - budget: the limit on open files for the connections.
    package init<Responder: HTTPResponder>(responder: Responder, bodyTimeout: Duration, budget: DescriptorBudget, logger: Logger)
    where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
        ListenerHTTPChannel.instantiatedTypes
        let dates = HTTPDate()
        self.pipeline = ListenerHTTPChannel(
            responder: { request, writer, channel in
                let context = Responder.Context(source: ApplicationRequestContextSource(channel: channel, logger: logger))
                var response: Response
                do {
                    response = try await responder.respond(to: request, context: context)
                } catch let error as HTTPParserError {
                    throw error
                } catch {
                    response = Response(status: .internalServerError)
                }
                response.headers[.date] = dates.now
                do {
                    try await writer.write(response: response.head, body: response.body)
                } catch is HTTPParserError {
                    // The error is in the request body, after the response head was sent: a second response must not follow.
                    throw ConnectionClosed()
                }
            },
            bodyTimeout: bodyTimeout,
            budget: budget,
            readPast: ReadPastBudget()
        )
        self.logger = logger
        (self.accepted, self.continuation) = AsyncStream.makeStream()
    }

    private struct ConnectionClosed: Error {}

    /// Serves a connection from its first byte. Owns `descriptor` from here on. Any thread.
    package func take(_ descriptor: Int32) {
        self.state.withLock { $0.registering += 1 }
        let arrival = Arrival()
        // Takes the place before the registration, so that the accepting thread sees the current count.
        let place = DescriptorBudget.Holder()
        place.place = self.pipeline.budget.enter { arrival.close() }
        ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                arrival.registered(as: channel)
                return self.pipeline.setup(channel: channel, place: place, logger: self.logger).map { self.begin($0) }
            }
            .withConnectedSocket(descriptor)
            .whenComplete { result in
                if case .failure(let error) = result {
                    self.logger.debug("A connection was lost while it was accepted", metadata: [LogKey.error: "\(error)"])
                }
                self.change { $0.registering -= 1 }
            }
    }

    /// Closes a connection that is still being registered with an event loop.
    private final class Arrival: Sendable {
        private let state = Mutex<(channel: (any Channel)?, isClosing: Bool)>((nil, false))

        func registered(as channel: any Channel) {
            let isClosing = self.state.withLock { state in
                state.channel = channel
                return state.isClosing
            }
            if isClosing { self.close() }
        }

        func close() {
            let channel = self.state.withLock { state in
                state.isClosing = true
                return state.channel
            }
            // Deferred to the next turn of the event loop: the pipeline may still be under construction.
            channel?.eventLoop.execute { channel?.close(promise: nil) }
        }
    }

    private func begin(_ connection: Accepted) {
        let channel = connection.channel
        let isStopping = self.state.withLock { state in
            state.channels[ObjectIdentifier(channel)] = channel
            return state.isStopping
        }
        channel.closeFuture.whenComplete { _ in self.change { $0.channels[ObjectIdentifier(channel)] = nil } }
        if isStopping { Self.quiesce(channel) }
        if case .terminated = self.continuation.yield(connection) {
            // The server has stopped. NIO requires `executeThenClose` to close an asynchronous channel.
            Task { try? await connection.http.executeThenClose { _, _ in } }
        }
    }

    /// Serves until the process shuts down, then closes idle connections and waits for requests in progress.
    ///
    /// - Parameter closeDoor: called at the shutdown, or when this task is cancelled; ``take(_:)`` must not be called after it returns.
    package func run(afterClosing closeDoor: @escaping @Sendable () async -> Void) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                try? await gracefulShutdown()
                await closeDoor()
                self.stop()
            }
            for await connection in self.accepted {
                group.addTask { await self.pipeline.handle(value: connection, logger: self.logger) }
            }
        }
    }

    private func stop() {
        let channels = self.state.withLock { state in
            state.isStopping = true
            return Array(state.channels.values)
        }
        for channel in channels { Self.quiesce(channel) }
        self.change { _ in }
    }

    /// Requests that the pipeline closes as soon as no request is in progress.
    private static func quiesce(_ channel: any Channel) { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }

    private func change(_ body: (inout State) -> Void) {
        let isDone = self.state.withLock { state in
            body(&state)
            return state.isDone
        }
        if isDone { self.continuation.finish() }
    }
}
