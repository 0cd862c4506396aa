import Basics
import EventModel
import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird

extension APIRequestContext {
    /// A part of the path, percent-encoding undone.
    ///
    /// - Returns: nil when it is not the name of anything: empty, too long, or not UTF-8.
    func pathParameter(_ name: String) -> String? {
        guard let text = parameters.get(name)?.removingPercentEncoding,
            (try? ApprovalID(text)) != nil
        else { return nil }
        return text
    }
}

extension Request {
    /// The `Idempotency-Key`; nil when there is none.
    ///
    /// - Throws: `validation_error` for one that is empty, too long, not visible ASCII, or given twice.
    func idempotencyKey() throws(APIError) -> String? {
        let values = headers[values: .idempotencyKey]
        guard !values.isEmpty else { return nil }
        guard values.count == 1, (1...256).contains(values[0].utf8.count), values[0].utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw .validation("Idempotency-Key: must be given once, as 1 to 256 visible ASCII characters.")
        }
        return values[0]
    }
}

extension QueryParameters {
    /// How long pages are: `limit`, from 1 to 200, else 50.
    ///
    /// - Throws: `validation_error`.
    func pageLimit() throws(APIError) -> Int {
        guard let text = try value("limit") else { return 50 }
        guard let limit = Int(text), (1...200).contains(limit), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .validation("limit: must be a whole number from 1 to 200.")
        }
        return limit
    }
}
