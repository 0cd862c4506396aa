import EventLog
import GRDB

extension LogStamp {
    /// Creates a stamp from its columns; nil for none.
    init?(stored sequence: Int64, at time: Int64) {
        guard sequence > 0 else { return nil }
        self.init(sequence: UInt64(sequence), storedAt: UInt64(bitPattern: time))
    }

    var stored: StatementArguments { [Int64(clamping: sequence), Int64(bitPattern: storedAt)] }
}
