import AsyncHTTPClient
import Foundation
import NIOCore

/// Follows a stream of server-sent events, and comes back to where it was whenever the connection is lost (docs/consuming.md).
///
/// The environment names Causeway's address, `CAUSEWAY_URL`, and holds a member's token, `MEMBER`. The first argument is the stream's
/// path, that of the notification stream by default.
@main
struct Follow {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let origin = environment["CAUSEWAY_URL"], let token = environment["MEMBER"] else {
            return say("Set CAUSEWAY_URL to the address of Causeway, and MEMBER to a member's token.")
        }
        var settings = HTTPClient.Configuration()
        settings.timeout.connect = .seconds(10)
        settings.timeout.read = .seconds(60)  // Twice the heartbeat's interval: a connection quiet for that long is dead.
        let path = CommandLine.arguments.dropFirst().first ?? "/v1/notifications/stream"
        let follow = Follow(client: HTTPClient(configuration: settings), url: origin + path, token: token)
        var parser = EventStreamParser()
        while true {
            do {
                guard try await follow.once(&parser) else { break }
            } catch let error as Refused {
                say("refused: \(error.status) \(error.body)")
                break
            } catch {
                say("lost: \(error)")
            }
            try await Task.sleep(for: parser.retry)
        }
        try await follow.client.shutdown()
    }

    let client: HTTPClient
    let url: String
    let token: String

    /// The token or the request is wrong: coming back would not help.
    struct Refused: Error {
        var status: UInt
        var body: String
    }

    /// One connection, from its opening to its end. Returns whether there may be more to come.
    func once(_ parser: inout EventStreamParser) async throws -> Bool {
        parser.abandonBlock()
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        if let id = parser.lastEventID { request.headers.add(name: "Last-Event-ID", value: id) }
        let response = try await client.execute(request, deadline: .distantFuture)
        if (400..<500).contains(response.status.code) {
            throw Refused(status: response.status.code, body: String(buffer: try await response.body.collect(upTo: 65_536)))
        }
        var received = ByteBuffer()
        for try await chunk in response.body {
            received.writeImmutableBuffer(chunk)
            while let end = received.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
                let line = received.readString(length: end - received.readerIndex) ?? ""
                received.moveReaderIndex(forwardBy: 1)
                if let event = parser.take(line: line[...]), event.type != "ping" { say("\(event.type) \(event.data)") }
            }
            received.discardReadBytes()
        }
        return response.status != .noContent
    }
}

/// Prints a line at once, into pipes too.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
