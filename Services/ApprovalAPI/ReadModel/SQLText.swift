import Basics
import EventModel
import Foundation
import GRDB

/// Converts text of any content to and from a BLOB.
///
/// GRDB passes text to SQLite with a terminating NUL, which would truncate text that contains NUL. Identifiers contain none (contract §0) and are stored
/// as TEXT.
enum SQLText {
    static func blob(_ text: String?) -> Data? { text.map { Data($0.utf8) } }

    static func text(_ blob: Data?) -> String? { blob.map { String(decoding: $0, as: UTF8.self) } }
}

extension Row {
    /// Returns the value of a column.
    ///
    /// A damaged file may hold values that the schema rules out; GRDB's subscript would trap on a value of another type.
    ///
    /// - Throws: a `RowDecodingError`, which is damage to the file.
    func stored<Value: DatabaseValueConvertible & StatementColumnConvertible>(_ column: String) throws -> Value {
        try decode(Value.self, forColumn: column)
    }
}

// Values were validated before they were written, so an invalid one means that the file is damaged.
extension Identifier {
    /// - Throws: a `DatabaseError` of code `SQLITE_CORRUPT`.
    init(stored text: String) throws(DatabaseError) {
        do throws(ValidationError) { try self.init(text) } catch { throw .damaged(error) }
    }
}

extension EventType {
    /// - Throws: a `DatabaseError` of code `SQLITE_CORRUPT`.
    init(stored text: String) throws(DatabaseError) {
        do throws(ValidationError) { try self.init(text) } catch { throw .damaged(error) }
    }
}

extension DatabaseError {
    static func damaged(_ error: some Error) -> DatabaseError {
        DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the read model holds an invalid value: \(error)")
    }
}
