import Basics
import EventModel
import Foundation
import GRDB

/// Texts of any content as SQLite keeps them.
///
/// GRDB passes a text with a terminating NUL to SQLite, and so would cut one that has a NUL in it. Identifiers have none (contract §0); for
/// everything else the bytes are kept as a BLOB.
enum SQLText {
    static func blob(_ text: String?) -> Data? { text.map { Data($0.utf8) } }

    static func text(_ blob: Data?) -> String? { blob.map { String(decoding: $0, as: UTF8.self) } }
}

extension Row {
    /// The value of a column.
    ///
    /// Of a file that is damaged, nothing holds that the schema says; GRDB's subscript would trap on what is not of the type.
    ///
    /// - Throws: a `RowDecodingError`, which is damage to the file.
    func stored<Value: DatabaseValueConvertible & StatementColumnConvertible>(_ column: String) throws -> Value {
        try decode(Value.self, forColumn: column)
    }
}

/// What was checked before it was written, so a value that breaks the rules is damage to the file.
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
        DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the read model holds a value that breaks the rules: \(error)")
    }
}
