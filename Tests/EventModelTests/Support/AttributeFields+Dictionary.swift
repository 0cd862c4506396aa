import Basics
import EventModel

extension AttributeFields {
    /// Headers of which each stands once.
    init(_ headers: [String: String]) throws(ValidationError) {
        try self.init(headers.map { (name: $0.key, value: $0.value) })
    }
}
