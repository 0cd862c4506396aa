import Basics
import EventModel
import FoundationEssentials
import Testing

@testable import OperatorCommands

@Suite struct PayloadArgumentTests {
    @Test func isJSONOrTheNameOfAFile() throws {
        #expect(try PayloadArgument(#"{"a":1}"#).payload().bytes == bytes(#"{"a":1}"#))
        let path = FileManager.default.temporaryDirectory.appending(path: "payload-\(UUID().uuidString).json").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(#"{"b" : 2}"#.utf8).write(to: URL(filePath: path))
        #expect(try PayloadArgument("@\(path)").payload().bytes == bytes(#"{"b" : 2}"#))
        try Data(repeating: 0x20, count: Payload.maximumBytes + 10).write(to: URL(filePath: path))
        #expect(throws: ValidationError(field: "payload", message: "must be at most 262144 bytes", kind: .tooLarge)) {
            try PayloadArgument("@\(path)").payload()
        }
    }

    @Test(arguments: ["", "[]", "@", "@/nowhere/at/all", "@/"]) func refusesEverythingElse(_ text: String) {
        let error = #expect(throws: ValidationError.self) { try PayloadArgument(text).payload() }
        #expect(error?.field == "payload")
    }
}
