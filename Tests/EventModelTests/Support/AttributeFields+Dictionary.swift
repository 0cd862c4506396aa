import Basics
import EventModel

extension AttributeFields {
    /// Headers without duplicates.
    init(_ headers: [String: String]) throws(ValidationError) {
        try self.init(headers.map { (name: $0.key, value: $0.value) })
    }
}
