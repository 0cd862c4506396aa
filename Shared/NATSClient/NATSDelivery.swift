import CNATS
import Glibc

/// A message while its handler looks at it.
///
/// It is lent to the handler for the time of the call and cannot be kept: what is needed later is copied out, whole with ``copy()``
/// or in parts. The memory goes back to nats.c when the handler returns.
public struct NATSDelivery: ~Copyable {
    private let message: OpaquePointer

    /// Takes a message over from nats.c, whose rule is that the handler of a subscription destroys what it is given.
    init(owning message: OpaquePointer) {
        self.message = message
    }

    deinit {
        natsMsg_Destroy(message)
    }

    /// The subject that the message was published on.
    public var subject: String { String(cString: natsMsg_GetSubject(message)) }

    /// Where an answer goes; nil if none is expected.
    public var reply: String? { natsMsg_GetReply(message).map { String(cString: $0) } }

    /// Calls `body` with the bytes of the subject, without making a string. The bytes are valid only during the call.
    public func withSubject<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(cStringBytes(natsMsg_GetSubject(message)))
    }

    /// Calls `body` with the bytes of the reply subject, none if there is no reply subject. The bytes are valid only during the call.
    public func withReply<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(cStringBytes(natsMsg_GetReply(message)))
    }

    /// The number of bytes of the body.
    public var payloadCount: Int { Int(natsMsg_GetDataLength(message)) }

    /// Calls `body` with the body of the message. The bytes are valid only during the call.
    public func withPayload<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: natsMsg_GetData(message), count: payloadCount))
    }

    /// The first value of a header, in whatever case its name is written. Bytes that are not UTF-8 are replaced.
    public func header(_ name: String) -> String? { headerBlock.first(name) }

    /// The value of a header, in whatever case its name is written.
    ///
    /// - Throws: `.invalidHeader` when it is there more than once, with different values, or is not UTF-8.
    public func onlyHeader(_ name: String) throws(NATSError) -> String? { try headerBlock.only(name) }

    /// Calls `body` with the bytes of the name and of the value of each header, in the order in which they stand. The bytes are valid only during the call.
    public func withEachHeader<Failure: Error>(
        _ body: (Slice<UnsafeRawBufferPointer>, Slice<UnsafeRawBufferPointer>) throws(Failure) -> Void
    ) throws(Failure) {
        try headerBlock.forEach(body)
    }

    /// All headers.
    public var headers: NATSHeaders { headerBlock.headers }

    /// The code in the first header line of a message that the server itself sent (`NATS/1.0 100 Idle Heartbeat`); nil in a message of a client.
    ///
    /// 100 is a heartbeat or a flow control request, 404 "no messages", 408 a pull request that ended, 409 a consumer that ended,
    /// 503 "no responders".
    public var status: Int? { headerBlock.status }

    /// What stands behind the code of ``status``: `Idle Heartbeat`.
    public var statusDescription: String? { headerBlock.statusDescription }

    /// The message as a value that may be kept.
    public func copy() -> NATSMessage {
        NATSMessage(subject: subject, reply: reply, headers: headers, payload: withPayload { [UInt8]($0) })
    }

    /// The headers as the server sent them.
    ///
    /// nats.c has no call for them, but where they are can be told from what it has calls for: a message is one piece of memory, in which the
    /// subject, the reply subject, the headers and the body follow each other, all but the body with a NUL behind them.
    /// ``NATSLibrary/isOpen`` has made sure of that.
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
