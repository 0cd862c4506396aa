import ArgumentParser
import AsyncHTTPClient
import Basics
import NIOCore
import NIOHTTP1

/// Follows a stream of server-sent events (contract §4, §9) over the ends of its connections, each event once. Any thread.
///
/// The commands `tail`, `executions follow` and `listen` share it. ``StreamCourse`` decides; this type connects, reads and waits.
struct StreamFollower: Sendable {
    /// Whether a follower continues after an item.
    enum Next: Sendable {
        case more
        case stop
    }

    /// How long a connection may be silent; above two heartbeat intervals of every surface by default (contract §4, §9).
    static let defaultSilence: Duration = .seconds(75)

    let server: CausewayServer
    /// Path, query and the first cursor.
    let request: CausewayServer.Request
    var silence = Self.defaultSilence
    /// How long to try without a stream before giving up; nil for ever.
    var patience: Duration?

    /// Connects, passes on each item, and resumes behind the last event whenever a connection ends.
    ///
    /// The next item is read when `take` has returned. An event counts as received once `take` has returned: one for which it throws would come again after a
    /// resumption from ``StreamEvent/id``.
    ///
    /// - Parameter take: runs in the caller's task; its errors end the run and are rethrown.
    /// - Returns: when `take` wants no more, or the stream is complete (204).
    /// - Throws: ``ServerRefusal`` when another attempt would not help, or ``patience`` is over; `CancellationError`.
    func run(_ take: (StreamItem) async throws -> Next) async throws {
        var configuration = server.configuration
        configuration.timeout.connect = .nanoseconds(server.timeout.nanoseconds)
        configuration.timeout.read = .nanoseconds(silence.nanoseconds)
        try await HTTPClient.withHTTPClient(configuration: configuration) { client in
            var course = StreamCourse(lastEventID: request.lastEventID)
            var server = server
            var withoutStreamSince = ContinuousClock.now
            while true {
                let connection = Connection(client: client, server: server, request: request, silence: silence)
                let (end, carried) = try await connection.read(&course, take)
                guard let end else { return }
                try Task.checkCancellation()
                if carried { withoutStreamSince = .now }
                switch course.move(after: end, of: server.target) {
                case .over(nil): return
                case .over(let refusal?):
                    guard refusal.code == Exit.noPermission.rawValue, let renewed = server.withRenewedToken() else { throw refusal }
                    server = renewed
                case .again(let pause, let sentence):
                    if let patience, withoutStreamSince.duration(to: .now) + pause > patience {
                        throw ServerRefusal(sentence: sentence, code: Exit.unavailable.rawValue)
                    }
                    guard try await take(.lost(because: sentence, pause: pause)) == .more else { return }
                    try await Task.sleep(for: pause)
                }
            }
        }
    }

    /// One connection of a stream.
    private struct Connection {
        let client: HTTPClient
        let server: CausewayServer
        let request: CausewayServer.Request
        let silence: Duration

        /// Reads until the connection ends.
        ///
        /// - Returns: how it ended, nil when `take` wants no more; and whether it carried the stream.
        func read(
            _ course: inout StreamCourse,
            _ take: (StreamItem) async throws -> Next
        ) async throws -> (end: StreamConnectionEnd?, carried: Bool) {
            var request = request
            request.accept = "text/event-stream"
            request.lastEventID = course.lastEventID
            let response: HTTPClientResponse
            do {
                response = try await client.execute(server.message(request), timeout: .nanoseconds(server.timeout.nanoseconds))
            } catch let error as HTTPClientError where error == .deadlineExceeded {
                return (.unreachable("\(server.target) did not answer within \(Wording.show(server.timeout))"), false)
            } catch {
                return (.unreachable("\(server.target) could not be reached: \(error)"), false)
            }
            guard response.status == .ok else { return (await refusal(response), false) }
            guard response.headers.first(name: "content-type")?.lowercased().hasPrefix("text/event-stream") == true else {
                return (.foreign, false)
            }
            return try await blocks(of: response, &course, take)
        }

        private func refusal(_ response: HTTPClientResponse) async -> StreamConnectionEnd {
            if response.status == .noContent { return .complete }
            do {
                return .refused(try await CausewayServer.answer(response))
            } catch {
                return .lost("the answer of \(server.target) broke off: \(error)")
            }
        }

        private func blocks(
            of response: HTTPClientResponse,
            _ course: inout StreamCourse,
            _ take: (StreamItem) async throws -> Next
        ) async throws -> (end: StreamConnectionEnd?, carried: Bool) {
            var reader = EventStreamReader()
            var chunks = response.body.makeAsyncIterator()
            var carried = false
            while true {
                let chunk: ByteBuffer?
                do {
                    chunk = try await chunks.next()
                } catch let error as HTTPClientError where error == .readTimeout {
                    return (.lost("nothing came for \(Wording.show(silence))"), carried)
                } catch {
                    return (.lost("the connection was lost: \(error)"), carried)
                }
                guard let chunk else { return (.lost("the connection was closed"), carried) }
                for block in reader.take(Array(chunk.readableBytesView)) {
                    if let reason = StreamCourse.ending(block) {
                        course.passed(block)
                        return (.told(reason: reason), carried)
                    }
                    if !carried {
                        carried = true
                        let execution = response.headers.first(name: "causeway-execution").map {
                            String(decoding: PercentEncoding.leniently($0.utf8, plusIsSpace: false), as: UTF8.self)
                        }
                        guard try await take(.opened(execution: execution)) == .more else { return (nil, carried) }
                    }
                    if let item = StreamCourse.item(of: block), try await take(item) == .stop { return (nil, carried) }
                    course.passed(block)
                }
            }
        }
    }
}
