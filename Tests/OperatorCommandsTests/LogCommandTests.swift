import ArgumentParser
import Testing

@testable import OperatorCommands

@Suite struct LogCommandTests {
    private static let id = "evt_01HX9VTPQR0080000000000041"

    @Test func anEventIsNamedByItsID() {
        #expect(throws: Never.self) { try GetEventCommand.parse([Self.id]) }
        #expect(throws: Never.self) { try EraseEventCommand.parse([Self.id, "--yes"]) }
        for word in ["12", "evt_", "all"] {
            #expect(throws: (any Error).self) { try GetEventCommand.parse([word]) }
            #expect(throws: (any Error).self) { try EraseEventCommand.parse([word, "--yes"]) }
        }
    }
}
