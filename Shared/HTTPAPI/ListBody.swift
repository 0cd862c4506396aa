public import Hummingbird
public import NIOCore

/// Encodes a list response, `{"items":[…],"nextCursor":…}`, with as many items as fit into a limit in bytes.
///
/// The limit bounds the cost of a response, whatever the items hold; the next page begins after the last item that fits.
public struct ListBody {
    /// Maximum size of the items of one response, unless it is a single item. A page of 200 plain items has a third of it.
    public static let maximumBytes = 256 * 1024

    private let maximumBytes: Int
    private var items = ByteBuffer()
    /// Number of items.
    public private(set) var count = 0

    /// Creates an empty list.
    public init(maximumBytes: Int = Self.maximumBytes) {
        self.maximumBytes = maximumBytes
    }

    /// Appends items until the next one does not fit; always the first one.
    ///
    /// - Throws: encoding errors of an item.
    public mutating func append(_ views: some Sequence<some Encodable>) throws {
        for view in views {
            let item = try Response.encoded(view)
            guard count == 0 || items.readableBytes + item.readableBytes < maximumBytes else { return }
            if count > 0 { items.writeStaticString(",") }
            items.writeImmutableBuffer(item)
            count += 1
        }
    }

    /// Returns the response.
    ///
    /// - Parameters:
    ///   - nextCursor: the value of `cursor` for the next page; nil on the last page.
    ///   - unreadCount: the unread count; nil in lists that have none.
    public func response(nextCursor: String?, unreadCount: Int? = nil) throws -> Response {
        .json(encoded: try body(nextCursor: nextCursor, unreadCount: unreadCount))
    }

    /// Returns the body of the response.
    public func body(nextCursor: String?, unreadCount: Int? = nil) throws -> ByteBuffer {
        var body = ByteBuffer()
        body.reserveCapacity(items.readableBytes + 128)
        body.writeStaticString("{\"items\":[")
        body.writeImmutableBuffer(items)
        body.writeStaticString("],\"nextCursor\":")
        body.writeImmutableBuffer(try Response.encoded(nextCursor))
        if let unreadCount { body.writeString(",\"unreadCount\":\(unreadCount)") }
        body.writeStaticString("}")
        return body
    }
}
