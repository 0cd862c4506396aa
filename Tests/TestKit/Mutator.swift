import Basics

/// Generates inputs for a ``Fuzzer``: valid ones with realistic damage.
struct Mutator {
    /// Tokens for every parser: limits of number ranges, and ambiguous text.
    private static let commonTokens: [[UInt8]] =
        [
            "-1", "0", "1", "255", "256", "257", "2147483647", "2147483648", "4294967296", "9007199254740993", "4611686018427387904",
            "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "123456789012345678901234567890",
            "1e3", "1e400", "-0", "0.1", "01", ".", "..", "/", "a/../b", "%", "%00", "%zz", "%C3%A9", "%E3", "+", "*", ">", " ", "\t", "\n",
            "\r\n", "\0", "\u{1}", "\u{7F}", "\u{85}", "\u{9F}", "é", "e\u{301}", "\u{FEFF}", "\u{FFFD}", "🚀", "\"", "\\", "\\u0000",
            "\\ud800", "\\udc00", "\\ud83d\\ude80", "{", "}", "[", "]", ":", ",", ";", "=", "&", "null", "true", "false", "{}", "[]",
            "\"\"",
        ].map { Array($0.utf8) } + [
            [0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xE3], [0xF4, 0x90, 0x80, 0x80], [0x80], [0xC2, 0x85],
        ]
    private static let edgeBytes: [UInt8] = [
        0, 1, 0x09, 0x0A, 0x0D, 0x1F, 0x20, 0x22, 0x25, 0x2E, 0x2F, 0x5C, 0x7E, 0x7F, 0x80, 0xC2, 0xFE, 0xFF,
    ]

    private let seeds: [[UInt8]]
    private let tokens: [[UInt8]]
    private let maximumBytes: Int

    init(seeds: [[UInt8]], tokens: [[UInt8]], maximumBytes: Int) {
        precondition(!seeds.isEmpty, "a fuzzer needs a valid input to begin with")
        self.seeds = seeds
        self.tokens = tokens
        self.maximumBytes = maximumBytes
    }

    /// Returns the input with a number; deterministic for a seed.
    func input(_ index: UInt64, seed: UInt64) -> [UInt8] {
        var generator = SplitMix64(seed: seed &+ index &* 0x2545_F491_4F6C_DD1D)
        if generator.below(64) == 0 { return randomBytes(&generator) }
        var input = seeds[generator.below(seeds.count)]
        // One input in 32 is unchanged; most others have few faults, so that they pass the first checks.
        var steps = generator.below(32) == 0 ? 0 : 1
        while steps > 0, steps < 12, generator.below(2) == 0 { steps += 1 }
        for _ in 0..<steps { mutate(&input, &generator) }
        if input.count > maximumBytes { input.removeSubrange(maximumBytes...) }
        return input
    }

    private func randomBytes(_ generator: inout SplitMix64) -> [UInt8] {
        (0..<generator.below(64)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    private func mutate(_ input: inout [UInt8], _ generator: inout SplitMix64) {
        let place = generator.below(input.count + 1)
        let range = place..<min(input.count, place + 1 + generator.below(generator.below(8) == 0 ? 256 : 8))
        switch generator.below(12) {
        case 0: if place < input.count { input[place] ^= 1 << UInt8(generator.below(8)) }
        case 1: if place < input.count { input[place] = Self.edgeBytes[generator.below(Self.edgeBytes.count)] }
        case 2: input.insert(UInt8(truncatingIfNeeded: generator.next()), at: place)
        case 3, 4: input.insert(contentsOf: token(&generator), at: place)
        case 5: input.replaceSubrange(range, with: token(&generator))
        case 6: input.removeSubrange(range)
        case 7: input.insert(contentsOf: input[range], at: generator.below(input.count + 1))
        case 8: input.removeSubrange(place...)
        case 9: splice(&input, at: place, &generator)
        case 10: replaceNumber(&input, from: place, &generator)
        default:
            // Repeats one piece many times, to test bounds.
            let piece = Array(input[range])
            guard !piece.isEmpty, generator.below(8) == 0 else { return }
            for _ in 0..<generator.below(300) where input.count < maximumBytes { input.insert(contentsOf: piece, at: place) }
        }
    }

    private func token(_ generator: inout SplitMix64) -> [UInt8] {
        if !tokens.isEmpty, generator.below(2) == 0 { return tokens[generator.below(tokens.count)] }
        return Self.commonTokens[generator.below(Self.commonTokens.count)]
    }

    /// Joins the beginning of this input and the end of another.
    private func splice(_ input: inout [UInt8], at place: Int, _ generator: inout SplitMix64) {
        let other = seeds[generator.below(seeds.count)]
        input.replaceSubrange(place..., with: other[generator.below(other.count + 1)...])
    }

    /// Replaces the next run of digits by another number.
    private func replaceNumber(_ input: inout [UInt8], from place: Int, _ generator: inout SplitMix64) {
        func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
        guard let start = input[place...].firstIndex(where: isDigit) else { return }
        let end = input[start...].firstIndex { !isDigit($0) } ?? input.count
        let numbers = 16
        input.replaceSubrange(start..<end, with: Self.commonTokens[generator.below(numbers)])
    }
}
