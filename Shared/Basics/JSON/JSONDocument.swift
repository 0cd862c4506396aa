/// A whole JSON text from outside, checked before another reader decodes it.
package enum JSONDocument {
    /// Throws unless `bytes` are one JSON value as ``JSONScanner`` accepts it, with nothing around it but whitespace: valid UTF-8, no byte
    /// order mark, no lone surrogate, no member twice in an object at any depth.
    ///
    /// Decoders are more lenient: Foundation's takes the last of two members, and UTF-16 as well.
    package static func check(_ bytes: [UInt8]) throws(JSONSyntaxError) {
        try JSONScanner.scan(bytes) { scanner throws(JSONSyntaxError) in
            scanner.skipWhitespace()
            try scanner.scanValue(depth: 0)
            try scanner.finish()
        }
    }
}
