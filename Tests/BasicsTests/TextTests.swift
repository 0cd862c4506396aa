import Basics
import Testing

@Suite struct HexadecimalTests {
    @Test func everyByteThereAndBack() {
        for byte in UInt8.min...UInt8.max {
            var upper: [UInt8] = []
            Hexadecimal.append(byte, to: &upper)
            let lower = Array(Hexadecimal.lowercase([byte]).utf8)
            for digits in [upper, lower] {
                #expect(digits.count == 2)
                #expect(digits.compactMap(Hexadecimal.value(of:)).reduce(0) { $0 << 4 | $1 } == byte)
            }
            #expect(String(decoding: upper, as: UTF8.self) == Hexadecimal.lowercase([byte]).uppercased())
        }
        #expect(Hexadecimal.value(of: UInt8(ascii: "g")) == nil)
        #expect(Hexadecimal.lowercase([0, 0xAB, 0x0F]) == "00ab0f")
    }
}

@Suite struct PercentEncodingTests {
    private func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    @Test func aPlusIsASpaceInQueriesOnly() {
        #expect(text(PercentEncoding.strictlyDecoded("a+b%2Bc".utf8)) == "a b+c")
        #expect(text(PercentEncoding.strictlyDecoded("a+b%2bc".utf8, plusIsSpace: false)) == "a+b+c")
        #expect(text(PercentEncoding.leniently("a+b".utf8, plusIsSpace: false)) == "a+b")
    }

    @Test(arguments: ["%", "a%", "%4", "%4g", "%%41", "100%"])
    func aStrayPercentIsRefusedOrKept(_ value: String) {
        #expect(PercentEncoding.strictlyDecoded(value.utf8) == nil)
        #expect(text(PercentEncoding.leniently(value.utf8)) == value.replacing("%41", with: "A"))
    }

    @Test func encodesWhatIsNotPlain() {
        #expect(PercentEncoding.encode("a-b_c.d~e", isPlain: PercentEncoding.isUnreserved) == "a-b_c.d~e")
        #expect(PercentEncoding.encode("é /%", isPlain: PercentEncoding.isUnreserved) == "%C3%A9%20%2F%25")
        #expect(PercentEncoding.encode("a.b", mark: "=", isPlain: { $0 != UInt8(ascii: ".") }) == "a=2Eb")
        for byte in UInt8(1)..<0x80 {
            let value = "x\(Unicode.Scalar(byte))y"
            let encoded = PercentEncoding.encode(value, isPlain: PercentEncoding.isUnreserved)
            #expect(text(PercentEncoding.strictlyDecoded(encoded.utf8)) == value)
        }
    }
}
