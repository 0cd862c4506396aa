/// The text in UTF-8, as it comes over the wire.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
