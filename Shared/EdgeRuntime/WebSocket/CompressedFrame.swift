extension WebSocketFrame {
    /// Appends a whole text message, compressed where that makes it shorter: `body` writes the text. RFC 7692 §6.1.
    ///
    /// For connections that negotiated compression. The same text always becomes the same bytes.
    public static func appendText(to bytes: inout [UInt8], compressedBy deflater: Deflater, _ body: (inout [UInt8]) -> Void) {
        let start = bytes.count
        body(&bytes)
        let length = bytes.count - start
        let compressed = bytes[start...].withUnsafeBytes { deflater.compress($0) }
        guard compressed.count < length else {
            bytes.insert(contentsOf: self.header(.text, length: length), at: start)
            return
        }
        bytes.replaceSubrange(start..., with: self.header(.text, length: compressed.count, isCompressed: true) + compressed)
    }
}
