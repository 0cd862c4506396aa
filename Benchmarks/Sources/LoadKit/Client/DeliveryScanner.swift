import Glibc

/// Finds the load's events in the bytes of one connection, on any surface and across read boundaries.
///
/// Every surface passes a payload's bytes through unchanged (contract §4), so a delivery is `"n":<digits>,"sent":<digits>` followed by
/// another character. Runs for every read, so it skips with `memchr` and does not allocate.
struct DeliveryScanner {
    private enum Phase: UInt8 {
        case seekingCounter, readingCounter, seekingSent, readingSent
    }

    private static let counterName: StaticString = "\"n\":"
    private static let sentName: StaticString = ",\"sent\":"

    private var phase = Phase.seekingCounter
    /// Number of matched bytes of the current name.
    private var matched: UInt8 = 0
    private var tick = Tick(counter: 0, sent: 0)

    /// Returns the next delivery in `rest` and removes it with everything before it; nil when `rest` has no further one.
    mutating func next(in rest: inout UnsafeRawBufferPointer) -> Tick? {
        guard var cursor = rest.baseAddress else { return nil }
        let end = cursor + rest.count
        while cursor < end {
            let byte = cursor.load(as: UInt8.self)
            switch phase {
            case .seekingCounter:
                if matched == 0, byte != UInt8(ascii: "\"") {
                    guard let quote = memchr(cursor, Int32(UInt8(ascii: "\"")), end - cursor) else {
                        cursor = end
                        continue
                    }
                    cursor = UnsafeRawPointer(quote)
                    continue
                }
                advance(in: Self.counterName, with: byte, to: .readingCounter)
                cursor += 1
            case .readingCounter:
                guard let digit = Self.digit(byte) else {
                    // This byte is the first of the next name.
                    phase = .seekingSent
                    continue
                }
                tick.counter = tick.counter &* 10 &+ digit
                cursor += 1
            case .seekingSent:
                if byte != Self.sentName.utf8Start[Int(matched)] {
                    // The `"n":` of another member. This byte may begin the right name.
                    self = DeliveryScanner()
                    continue
                }
                advance(in: Self.sentName, with: byte, to: .readingSent)
                cursor += 1
            case .readingSent:
                guard let digit = Self.digit(byte) else {
                    let found = tick
                    self = DeliveryScanner()
                    rest = UnsafeRawBufferPointer(start: cursor, count: end - cursor)
                    return found
                }
                tick.sent = tick.sent &* 10 &+ digit
                cursor += 1
            }
        }
        rest = UnsafeRawBufferPointer(start: end, count: 0)
        return nil
    }

    /// Matches one byte of `name`, or starts over. The only overlap is the quotation mark, the first and the third byte of a name.
    private mutating func advance(in name: StaticString, with byte: UInt8, to next: Phase) {
        if byte == name.utf8Start[Int(matched)] {
            matched += 1
            if Int(matched) == name.utf8CodeUnitCount {
                matched = 0
                phase = next
            }
        } else {
            // After `"n"`, an `n` continues the name that began with the second quotation mark.
            let goesOn = matched == 3 && byte == name.utf8Start[1]
            matched = goesOn ? 2 : byte == name.utf8Start[0] ? 1 : 0
        }
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        let digit = byte &- UInt8(ascii: "0")
        return digit < 10 ? UInt64(digit) : nil
    }
}
