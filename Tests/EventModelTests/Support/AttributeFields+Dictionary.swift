import Basics
import EventModel

extension AttributeFields {
    /// Headers without duplicates.
    init(_ headers: [String: String]) throws(ValidationError) {
        try self.init(headers.map { (name: $0.key, value: $0.value) })
    }

    /// Adds a header as it comes from the bus.
    mutating func add(bytes name: some Sequence<UInt8>, _ value: some Sequence<UInt8>) throws(ValidationError) {
        try Array(name).withUnsafeBufferPointer { (name) throws(ValidationError) in
            try Array(value).withUnsafeBufferPointer { (value) throws(ValidationError) in
                try add(name: UnsafeRawBufferPointer(name), value: UnsafeRawBufferPointer(value))
            }
        }
    }
}
