/// A client's message, or its violation of the protocol.
enum WebSocketInput: Sendable, Equatable {
    case text([UInt8])
    case binary([UInt8])
    case ping([UInt8])
    case pong
    /// The peer closes; `nil` without a code.
    case close(WebSocketCloseCode?)
    /// The peer violated the protocol: close the connection with this code. Nothing follows.
    case violation(WebSocketCloseCode, reason: String)
}

/// Decodes a client's bytes, cut anywhere, into whole messages. RFC 6455 §5; a pure value.
///
/// Buffers bytes only while a frame or a fragmented message is incomplete, and never more than the longest message allowed:
/// a frame that announces more is rejected by its header. Text is validated as it arrives, so that malformed
/// UTF-8 is rejected at the first wrong byte. A compressed message (RFC 7692) is inflated and validated when it is complete.
struct WebSocketDecoder: Sendable {
    /// A decoded header, and the state of its payload.
    private struct Frame: Sendable {
        var opcode: WebSocketOpcode
        var isFinal: Bool
        var isCompressed: Bool
        var mask: UInt32
        var length: Int
        var received = 0
        /// Payload of a control frame; the payload of data frames is appended to the message.
        var control: [UInt8] = []
    }

    private struct Message: Sendable {
        var opcode: WebSocketOpcode
        var isCompressed: Bool
        var bytes: [UInt8] = []
        var utf8 = UTF8Validator()
    }

    private let maxMessageBytes: Int
    /// Whether RSV1 was negotiated. RFC 7692 §6.
    private let allowsCompression: Bool
    private var header: [UInt8] = []
    private var frame: Frame?
    private var message: Message?
    private var isFinished = false

    private static let maxControlBytes = 125

    /// - Parameters:
    ///   - maxMessageBytes: The longest message, in bytes of payload over all its fragments.
    ///   - allowsCompression: Whether permessage-deflate was negotiated.
    init(maxMessageBytes: Int, allowsCompression: Bool = false) {
        self.maxMessageBytes = maxMessageBytes
        self.allowsCompression = allowsCompression
    }

    /// Whether no input is buffered: the next byte begins a message.
    var isIdle: Bool { self.header.isEmpty && self.frame == nil && self.message == nil }

    /// Decodes bytes as far as `budget` allows, between two frames; the cost of one frame may exceed it. Calls `handle` with each result in
    /// order, until it returns false. After a close or a violation all input is ignored.
    ///
    /// - Returns: the number of bytes taken.
    mutating func decode(_ bytes: UnsafeRawBufferPointer, budget: inout InputBudget, _ handle: (WebSocketInput) -> Bool) -> Int {
        var rest = bytes[...]
        while !self.isFinished {
            let before = rest.count
            let step = self.readFrame(&rest, &budget)
            budget.spend(before - rest.count)
            switch step {
            case .incomplete: return bytes.count
            case .frame: break
            case .input(let input): guard handle(input) else { return bytes.count - rest.count }
            case .violation(let violation): self.fail(violation, handle)
            }
            if budget.isSpent { return bytes.count - rest.count }
        }
        return bytes.count
    }

    /// The result of reading a frame.
    private enum Step {
        /// More bytes are needed.
        case incomplete
        /// A frame that is part of a message.
        case frame
        case input(WebSocketInput)
        case violation(Violation)
    }

    /// Reads a frame, or the available part of it.
    private mutating func readFrame(_ rest: inout Slice<UnsafeRawBufferPointer>, _ budget: inout InputBudget) -> Step {
        do throws(Violation) {
            if self.frame == nil {
                guard try self.readHeader(&rest) else { return .incomplete }
                budget.beginFrame()
            }
            return try self.readPayload(&rest, &budget)
        } catch {
            return .violation(error)
        }
    }

    // MARK: Headers

    private struct Violation: Error {
        var code = WebSocketCloseCode.protocolError
        var reason: String
    }

    /// Reads a header. Returns whether it is complete and ``frame`` is set.
    private mutating func readHeader(_ rest: inout Slice<UnsafeRawBufferPointer>) throws(Violation) -> Bool {
        while true {
            if let needed = Self.headerLength(self.header), self.header.count == needed {
                try self.checkHeader()
                return true
            }
            guard let byte = rest.popFirst() else { return false }
            self.header.append(byte)
            if self.header.count == 2 { try self.checkFirstBytes() }
        }
    }

    /// The length of the header that begins with `bytes`; nil before two bytes have arrived.
    private static func headerLength(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 2 else { return nil }
        switch bytes[1] & 0x7F {
        case 126: return 2 + 2 + 4
        case 127: return 2 + 8 + 4
        default: return 2 + 4
        }
    }

    /// Checks the first two bytes at once: a peer that stops there has still violated the protocol.
    private func checkFirstBytes() throws(Violation) {
        let (first, second) = (self.header[0], self.header[1])
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { throw Violation(reason: "reserved opcode") }
        guard first & 0x30 == 0 else { throw Violation(reason: "reserved bits are set") }
        if first & 0x40 != 0 {
            guard self.allowsCompression else { throw Violation(reason: "compression was not negotiated") }
            guard opcode == .text || opcode == .binary else {
                throw Violation(reason: "only the first frame of a message may be marked compressed")
            }
        }
        guard second & 0x80 != 0 else { throw Violation(reason: "client frames must be masked") }
        if opcode.isControl {
            guard first & 0x80 != 0 else { throw Violation(reason: "control frames must not be fragmented") }
            guard second & 0x7F <= Self.maxControlBytes else { throw Violation(reason: "control frames hold at most 125 bytes") }
        } else if opcode == .continuation {
            guard self.message != nil else { throw Violation(reason: "continuation without a beginning") }
        } else {
            guard self.message == nil else { throw Violation(reason: "the message before is not finished") }
        }
    }

    private mutating func checkHeader() throws(Violation) {
        let bytes = self.header
        self.header = []
        let marker = Int(bytes[1] & 0x7F)
        let extended = bytes.dropFirst(2).dropLast(4)
        let announced = extended.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        if marker == 126, announced < 126 { throw Violation(reason: "length is not in its shortest encoder") }
        if marker == 127, announced <= UInt64(UInt16.max) || announced >> 63 != 0 {
            throw Violation(reason: "length is not in its shortest encoder")
        }
        let length = marker < 126 ? UInt64(marker) : announced
        guard let opcode = WebSocketOpcode(rawValue: bytes[0] & 0x0F) else { throw Violation(reason: "reserved opcode") }
        if !opcode.isControl {
            guard length <= UInt64(self.maxMessageBytes - (self.message?.bytes.count ?? 0)) else {
                throw Violation(code: .messageTooBig, reason: "messages hold at most \(self.maxMessageBytes) bytes")
            }
            if opcode != .continuation { self.message = Message(opcode: opcode, isCompressed: bytes[0] & 0x40 != 0) }
        }
        self.frame = Frame(
            opcode: opcode,
            isFinal: bytes[0] & 0x80 != 0,
            isCompressed: bytes[0] & 0x40 != 0,
            mask: bytes.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) },
            length: Int(length)
        )
    }

    // MARK: Payloads

    /// Reads payload.
    private mutating func readPayload(
        _ rest: inout Slice<UnsafeRawBufferPointer>,
        _ budget: inout InputBudget
    ) throws(Violation) -> Step {
        guard var frame = self.frame else { return .frame }
        let count = min(rest.count, frame.length - frame.received)
        let piece = Self.unmask(rest.prefix(count), mask: frame.mask, offset: frame.received)
        rest = rest.dropFirst(count)
        frame.received += count
        if frame.opcode.isControl {
            frame.control += piece
        } else if !self.append(piece) {
            throw Violation(code: .invalidPayload, reason: "text is not UTF-8")
        }
        guard frame.received == frame.length else {
            self.frame = frame
            return .incomplete
        }
        self.frame = nil
        return try self.finish(frame, &budget)
    }

    /// Appends to the message. Returns whether it can still become valid.
    private mutating func append(_ piece: [UInt8]) -> Bool {
        self.message?.bytes += piece
        guard let message = self.message, message.opcode == .text, !message.isCompressed else { return true }
        return piece.withUnsafeBytes { self.message?.utf8.validate($0) } ?? true
    }

    private mutating func finish(_ frame: Frame, _ budget: inout InputBudget) throws(Violation) -> Step {
        switch frame.opcode {
        case .ping: return .input(.ping(frame.control))
        case .pong: return .input(.pong)
        case .close: return .input(try self.finishedClose(frame.control))
        case .text, .binary, .continuation:
            guard frame.isFinal, let message = self.message else { return .frame }
            self.message = nil
            return .input(try self.finished(message, &budget))
        }
    }

    /// Returns the result of a complete message.
    private func finished(_ message: Message, _ budget: inout InputBudget) throws(Violation) -> WebSocketInput {
        var message = message
        if message.isCompressed {
            switch BoundedInflater.inflate(message.bytes, limit: self.maxMessageBytes) {
            case .message(let bytes):
                message.bytes = bytes
                budget.spend(bytes.count)
            case .tooBig: throw Violation(code: .messageTooBig, reason: "messages inflate to at most \(self.maxMessageBytes) bytes")
            case .malformed: throw Violation(code: .invalidPayload, reason: "the compressed message cannot be inflated")
            }
        }
        guard message.opcode == .text else { return .binary(message.bytes) }
        // Uncompressed text was validated as it arrived.
        let isValid = !message.isCompressed || message.bytes.withUnsafeBytes { message.utf8.validate($0) }
        guard isValid, message.utf8.isComplete else { throw Violation(code: .invalidPayload, reason: "text is not UTF-8") }
        return .text(message.bytes)
    }

    /// Returns the result of a close frame; nothing follows it.
    private mutating func finishedClose(_ payload: [UInt8]) throws(Violation) -> WebSocketInput {
        guard payload.count != 1 else { throw Violation(reason: "a close code has two bytes") }
        guard payload.count >= 2 else {
            self.isFinished = true
            return .close(nil)
        }
        let code = WebSocketCloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.isAllowedOnTheWire else { throw Violation(reason: "this close code may not be sent") }
        var utf8 = UTF8Validator()
        let isText = payload.dropFirst(2).withUnsafeBytes { utf8.validate($0) } && utf8.isComplete
        guard isText else { throw Violation(code: .invalidPayload, reason: "the close reason is not UTF-8") }
        self.isFinished = true
        return .close(code)
    }

    private mutating func fail(_ violation: Violation, _ handle: (WebSocketInput) -> Bool) {
        self.isFinished = true
        self.header = []
        self.frame = nil
        self.message = nil
        _ = handle(.violation(violation.code, reason: violation.reason))
    }

    private static func unmask(_ bytes: Slice<UnsafeRawBufferPointer>, mask: UInt32, offset: Int) -> [UInt8] {
        let key = [
            UInt8(truncatingIfNeeded: mask >> 24), UInt8(truncatingIfNeeded: mask >> 16), UInt8(truncatingIfNeeded: mask >> 8),
            UInt8(truncatingIfNeeded: mask),
        ]
        return [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, count in
            var index = offset
            for byte in bytes {
                buffer[count] = byte ^ key[index & 3]
                index += 1
                count += 1
            }
        }
    }
}
