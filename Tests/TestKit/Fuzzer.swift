package import Basics
import Foundation

/// Runs a parser on mutations of valid inputs, and reports every input for which a property does not hold.
///
/// An input is determined by the seed and its number, so a finding can be repeated: `SEED=<seed> FUZZ_ONLY=<number>`.
/// Environment variables:
///
/// | variable | |
/// |---|---|
/// | `FUZZ_INPUTS` | number of inputs for each parser; default 3,000, or as many as two seconds allow |
/// | `FUZZ_SECONDS` | time limit for each parser, whatever `FUZZ_INPUTS` is |
/// | `SEED` | repeats a run; random by default |
/// | `FUZZ_ONLY` | tries only the input with that number, and prints it |
/// | `FUZZ_REPORT` | a file to which each fuzzer appends a line: parser, inputs, findings, seconds |
///
/// After a trap, a signal handler writes the parser's name, the seed and the input's number to standard error; then the process ends.
/// Runs on the calling thread.
public struct Fuzzer {
    private static let defaultInputs: UInt64 = 3000
    private static let defaultSeconds = 2.0
    /// The number of findings after which it stops, because more would probably have the same cause.
    private static let maximumFindings = 8

    private let parser: String
    private let mutator: Mutator
    private let seed: UInt64

    /// - Parameters:
    ///   - parser: the parser's name in the report.
    ///   - seeds: valid inputs, from which all others are mutated; at least one.
    ///   - tokens: texts with a meaning to the parser, besides numbers, control characters and broken UTF-8, which are always included.
    ///   - maximumBytes: maximum length of an input.
    public init(_ parser: String, seeds: [[UInt8]], tokens: [String] = [], maximumBytes: Int = 4096) {
        self.parser = parser
        mutator = Mutator(seeds: seeds, tokens: tokens.map { Array($0.utf8) }, maximumBytes: maximumBytes)
        seed = Self.number("SEED") ?? UInt64.random(in: 0...UInt64(UInt32.max))
    }

    /// The same with text inputs.
    public init(_ parser: String, seeds: [String], tokens: [String] = [], maximumBytes: Int = 4096) {
        self.init(parser, seeds: seeds.map { Array($0.utf8) }, tokens: tokens, maximumBytes: maximumBytes)
    }

    /// Tries inputs with `property`, which throws for an input for which it does not hold; see ``expect(_:_:)``.
    ///
    /// - Throws: ``FuzzFindings`` if there were any.
    public func run(_ property: ([UInt8]) throws -> Void) throws {
        var round = Round(self)
        while let input = round.next() {
            do { try property(input) } catch { round.found(error) }
        }
        try round.end()
    }

    /// The same for an async property.
    public func run(_ property: ([UInt8]) async throws -> Void) async throws {
        var round = Round(self)
        while let input = round.next() {
            do { try await property(input) } catch { round.found(error) }
        }
        try round.end()
    }

    /// The same, with a generator for random choices of the property, such as where to cut a stream.
    package func run(_ property: ([UInt8], inout SplitMix64) throws -> Void) throws {
        var round = Round(self)
        while let input = round.next() {
            var generator = SplitMix64(seed: seed &+ round.index)
            do { try property(input, &generator) } catch { round.found(error) }
        }
        try round.end()
    }

    /// One pass over the inputs.
    private struct Round {
        let fuzzer: Fuzzer
        let only = Fuzzer.number("FUZZ_ONLY")
        let given = Fuzzer.number("FUZZ_INPUTS")
        let maximumSeconds: Double
        let start = ContinuousClock.now
        let watch: CrashWatch
        /// The number of the current input.
        private(set) var index: UInt64 = 0
        private var count: UInt64 = 0
        private var input: [UInt8] = []
        private var findings: [String] = []

        init(_ fuzzer: Fuzzer) {
            self.fuzzer = fuzzer
            watch = CrashWatch(parser: fuzzer.parser, seed: fuzzer.seed)
            maximumSeconds = Fuzzer.number("FUZZ_SECONDS").map { Double($0) } ?? (given == nil ? Fuzzer.defaultSeconds : .infinity)
        }

        private var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

        mutating func next() -> [UInt8]? {
            let isOver =
                if only != nil { count == 1 } else { count >= given ?? Fuzzer.defaultInputs || findings.count >= Fuzzer.maximumFindings }
            guard !isOver, count % 64 != 0 || seconds < maximumSeconds else { return nil }
            index = only ?? count
            count += 1
            watch.input(index)
            input = fuzzer.mutator.input(index, seed: fuzzer.seed)
            if only != nil { print("\(fuzzer.parser), SEED=\(fuzzer.seed), input \(index): \(Fuzzer.shown(input))") }
            return input
        }

        mutating func found(_ error: any Error) {
            findings.append("input \(index): \(error)\n  \(Fuzzer.shown(input))")
        }

        func end() throws {
            watch.end()
            fuzzer.report(inputs: count, findings: findings.count, seconds: seconds)
            guard findings.isEmpty else { throw FuzzFindings(parser: fuzzer.parser, seed: fuzzer.seed, findings: findings) }
        }
    }

    private func report(inputs: UInt64, findings: Int, seconds: Double) {
        guard let path = ProcessInfo.processInfo.environment["FUZZ_REPORT"] else { return }
        let line = "\(parser)\t\(inputs)\t\(findings)\t\(String(format: "%.1f", seconds))\n"
        // One write to a file that is open for appending: several fuzzers may report at the same time.
        let file = open(path, O_WRONLY | O_APPEND | O_CREAT, 0o644)
        guard file >= 0 else { return }
        _ = line.withCString { write(file, $0, strlen($0)) }
        close(file)
    }

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    /// Returns at most 400 bytes of an input as a Swift literal; bytes other than visible ASCII as `\xNN`.
    private static func shown(_ input: [UInt8]) -> String {
        var text = ""
        for byte in input.prefix(400) {
            text += (0x20...0x7E).contains(byte) && byte != 0x5C ? String(UnicodeScalar(byte)) : String(format: "\\x%02X", Int(byte))
        }
        return input.count > 400 ? text + "… (\(input.count) bytes)" : text
    }
}

/// The violation of a property by an input.
public struct FuzzViolation: Error, CustomStringConvertible {
    /// A short message with the values.
    public let description: String

    /// Creates a violation with its message.
    public init(_ description: String) { self.description = description }
}

/// Throws a ``FuzzViolation`` unless `condition` holds.
public func expect(_ condition: Bool, _ description: @autoclosure () -> String) throws(FuzzViolation) {
    guard condition else { throw FuzzViolation(description()) }
}

/// The inputs for which a property did not hold.
public struct FuzzFindings: Error, CustomStringConvertible {
    let parser: String
    let seed: UInt64
    let findings: [String]

    public var description: String {
        "\(parser): \(findings.count) findings, SEED=\(seed)\n" + findings.joined(separator: "\n")
    }
}

extension SplitMix64 {
    /// Returns a number from 0 to `bound` − 1, nearly uniform; 0 if the range is empty.
    package mutating func below(_ bound: Int) -> Int {
        bound > 0 ? Int(truncatingIfNeeded: next() >> 33) % bound : 0
    }
}
