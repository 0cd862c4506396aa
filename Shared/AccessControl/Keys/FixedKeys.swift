import Basics
import Crypto
import Synchronization

/// The keys of the configured secrets and key files, each file's apart: a file that becomes unusable keeps its previous keys, and the others
/// are replaced all the same. Any thread.
final class FixedKeys: Sendable {
    /// A file with keys.
    struct File: Sendable {
        let path: String
        let maximumBytes: Int
        /// Returns the keys in a content; errors name the file.
        let parse: @Sendable ([UInt8]) throws(AccessControlError) -> [VerificationKey]

        fileprivate func read() throws(AccessControlError) -> Content {
            let bytes = try KeyFile.read(path, maximumBytes: maximumBytes)
            return Content(digest: SHA256.hash(data: bytes), keys: try parse(bytes))
        }
    }

    fileprivate struct Content: Sendable {
        /// Tells whether a file has changed, without keeping its secret a second time.
        let digest: SHA256Digest
        let keys: [VerificationKey]
    }

    private let constant: [VerificationKey]
    private let files: [File]
    /// In the order of ``files``. Locked while files are read, so that of two concurrent reloads the later one's content stays.
    private let contents: Mutex<[Content]>

    /// Reads all files. Blocks the calling thread.
    ///
    /// - Parameters:
    ///   - constant: Keys that never change.
    ///   - files: Read in this order, here and later.
    /// - Throws: The first file's error that is unusable.
    init(constant: [VerificationKey], files: [File]) throws(AccessControlError) {
        self.constant = constant
        self.files = files
        var contents: [Content] = []
        for file in files { contents.append(try file.read()) }
        self.contents = Mutex(contents)
    }

    /// All keys.
    var keys: [VerificationKey] {
        contents.withLock { constant + $0.flatMap(\.keys) }
    }

    /// Reads all files again and, if the content of one has changed, passes all keys to `use`. Blocks the calling thread.
    ///
    /// - Parameter use: Called before a concurrent reload can read.
    /// - Throws: What is wrong with the unusable files, whose previous keys stay; after `use`.
    func reload(_ use: ([VerificationKey]) -> Void) throws(AccessControlError) {
        let failures = contents.withLock { contents in
            var failures: [String] = []
            var hasChanged = false
            for (index, file) in files.enumerated() {
                do throws(AccessControlError) {
                    let content = try file.read()
                    guard content.digest != contents[index].digest else { continue }
                    contents[index] = content
                    hasChanged = true
                } catch {
                    failures.append(error.message)
                }
            }
            if hasChanged { use(constant + contents.flatMap(\.keys)) }
            return failures
        }
        guard failures.isEmpty else { throw AccessControlError(failures.joined(separator: " ")) }
    }
}
