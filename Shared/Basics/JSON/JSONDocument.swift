/// Validates a JSON text from outside before it is decoded.
package enum JSONDocument {
    /// Throws unless `bytes` are one JSON value that ``JSONScanner`` accepts, surrounded by white space only: valid UTF-8, no byte order mark, no
    /// lone surrogate, no duplicate member at any depth.
    ///
    /// Decoders are more lenient: Foundation's accepts duplicate members (last one wins) and UTF-16.
    package static func check(_ bytes: [UInt8]) throws(JSONSyntaxError) {
        try JSONScanner.scan(bytes) { scanner throws(JSONSyntaxError) in
            scanner.skipWhitespace()
            try scanner.scanValue(depth: 0)
            try scanner.finish()
        }
    }
}
