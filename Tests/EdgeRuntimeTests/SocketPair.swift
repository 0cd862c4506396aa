import Basics
import Dispatch
import Foundation
import Glibc

@testable import EdgeRuntime

/// Two connected stream sockets: the edge's end and the client's.
final class SocketPair: Sendable {
    let edge: Int32
    let client: Int32

    init() throws {
        var descriptors: [Int32] = [0, 0]
        let result = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &descriptors)
        try SystemCallError.check("socketpair", result)
        self.edge = descriptors[0]
        self.client = descriptors[1]
    }

    /// Shuts down the client's end. The edge's end belongs to the hub that adopted it.
    func hangUp() { shutdown(self.client, Int32(SHUT_RDWR)) }

    deinit { close(self.client) }

    func send(_ text: String) { self.send(bytes: Array(text.utf8)) }

    func send(bytes: [UInt8]) { _ = bytes.withUnsafeBytes { Glibc.send(self.client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) } }

    /// Sends all bytes on a separate thread; blocks while the other end does not read.
    func sendAll(_ bytes: [UInt8]) async {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = rest.withUnsafeBytes { Glibc.send(self.client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                    if count < 0 { break }
                    rest = rest.dropFirst(count)
                }
                continuation.resume()
            }
            thread.start()
        }
    }

    /// Returns the bytes up to the end of the stream, or the first `count`; gives up after a minute of silence.
    func readBytes(count: Int = .max) async -> [UInt8] {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                var bytes: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 64 * 1024)
                while bytes.count < count {
                    var poller = pollfd(fd: self.client, events: Int16(POLLIN), revents: 0)
                    guard poll(&poller, 1, 60_000) > 0 else { break }
                    let taken = recv(self.client, &buffer, buffer.count, 0)
                    guard taken > 0 else { break }
                    bytes += buffer[..<taken]
                }
                continuation.resume(returning: bytes)
            }
        }
    }

    /// Reads until the text satisfies `condition` or the stream ends; gives up after a minute of silence. Blocks a
    /// separate thread, because the cooperative ones are for the code under test.
    func read(until condition: @escaping @Sendable (String) -> Bool) async -> String {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: self.readBlocking(until: condition)) }
        }
    }

    private func readBlocking(until condition: (String) -> Bool) -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while !condition(text) {
            var poller = pollfd(fd: self.client, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, 60_000) > 0 else { return text + "<silence>" }
            let count = recv(self.client, &buffer, buffer.count, 0)
            if count <= 0 { return text + "<end>" }
            text += String(decoding: buffer[0..<count], as: UTF8.self)
        }
        return text
    }
}
