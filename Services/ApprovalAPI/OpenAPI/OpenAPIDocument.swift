import Foundation
import Yams

/// Converts `docs/openapi.yaml`, which the build embeds into the program, to JSON.
enum OpenAPIDocument {
    /// The document as JSON.
    ///
    /// - Throws: if the YAML is malformed.
    static func json() throws -> [UInt8] {
        let document = try Yams.load(yaml: String(decoding: PackageResources.openapi_yaml, as: UTF8.self))
        return [UInt8](try JSONSerialization.data(withJSONObject: document ?? [:], options: [.sortedKeys, .withoutEscapingSlashes]))
    }
}
