import CNATS
import Glibc

/// A received message, borrowed by its handler.
///
/// Valid only during the handler's call; the memory is freed some time afterwards. Copy what is needed later, with ``copy()`` or in parts.
public struct NATSDelivery: ~Copyable {
    private let message: OpaquePointer

    /// Takes ownership of a nats.c message; the handler of a subscription must destroy it.
    init(owning message: OpaquePointer) {
        self.message = message
    }

    deinit {
        // Subject, headers and body are one piece of memory (``NATSLibrary/isOpen``).
        let beforeBody = natsMsg_GetSubject(message).flatMap { subject in natsMsg_GetData(message).map { max(0, $0 - subject) } } ?? 0
        RetiredMessages.retire(message, bytes: beforeBody + payloadCount)
    }

    /// The subject of the message.
    public var subject: String { String(cString: natsMsg_GetSubject(message)) }

    /// The subject for an answer; nil if absent.
    public var reply: String? { natsMsg_GetReply(message).map { String(cString: $0) } }

    /// Calls `body` with the subject's bytes, without a copy. Valid only during the call.
    public func withSubject<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(cStringBytes(natsMsg_GetSubject(message)))
    }

    /// Calls `body` with the reply subject's bytes; empty if absent. Valid only during the call.
    public func withReply<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(cStringBytes(natsMsg_GetReply(message)))
    }

    /// Size of the body in bytes.
    public var payloadCount: Int { Int(natsMsg_GetDataLength(message)) }

    /// Calls `body` with the message's body. Valid only during the call.
    public func withPayload<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: natsMsg_GetData(message), count: payloadCount))
    }

    /// Returns the first value of a header. Names are case-insensitive; invalid UTF-8 is replaced.
    public func header(_ name: String) -> String? { headerBlock.first(name) }

    /// Returns the only value of a header. Names are case-insensitive.
    ///
    /// - Throws: `.invalidHeader` when values differ or are not UTF-8.
    public func onlyHeader(_ name: String) throws(NATSError) -> String? { try headerBlock.only(name) }

    /// Calls `body` with the bytes of each header's name and value, in wire order. Valid only during the call.
    public func withEachHeader<Failure: Error>(
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try headerBlock.forEach(body)
    }

    /// All headers.
    public var headers: NATSHeaders { headerBlock.headers }

    /// The status code of a message from the server (`NATS/1.0 100 Idle Heartbeat`); nil in a client's message.
    ///
    /// 100 is a heartbeat or a flow control request, 404 "no messages", 408 a pull request that ended, 409 a consumer that ended,
    /// 503 "no responders".
    public var status: Int? { headerBlock.status }

    /// The text after the code of ``status``: `Idle Heartbeat`.
    public var statusDescription: String? { headerBlock.statusDescription }

    /// Copies the message.
    public func copy() -> NATSMessage {
        NATSMessage(subject: subject, reply: reply, headers: headers, payload: withPayload { [UInt8]($0) })
    }

    /// The raw header bytes.
    ///
    /// nats.c has no call for them. A message is one block of memory: subject, reply subject, headers and body are adjacent, all but the body
    /// NUL-terminated, so the position of the headers follows from the others. ``NATSLibrary/isOpen`` has verified that layout.
    private var headerBlock: HeaderBlock {
        guard let before = natsMsg_GetReply(message) ?? natsMsg_GetSubject(message), let body = natsMsg_GetData(message) else {
            return HeaderBlock(UnsafeRawBufferPointer(start: nil, count: 0))
        }
        let start = before + strlen(before) + 1
        return HeaderBlock(UnsafeRawBufferPointer(start: start, count: max(0, body - start - 1)))
    }

    private func cStringBytes(_ text: UnsafePointer<CChar>?) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text, count: text.map { strlen($0) } ?? 0)
    }
}
