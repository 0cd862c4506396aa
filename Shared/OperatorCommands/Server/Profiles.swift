import Basics
import ServiceKit

/// The deployments that a person uses, from a file: for each an address and the file of its token.
///
/// ```
/// [staging]
/// url = https://staging.example.com
/// token-file = staging.token
/// ```
///
/// A pure value; reading the file blocks the calling thread. The file has no tokens, only the names of their files.
struct Profiles: Sendable, Equatable {
    /// One deployment.
    struct Profile: Sendable, Equatable {
        var url: String?
        var tokenFile: String?
        var caFile: String?
    }

    /// Why the file, or a profile, cannot be used.
    struct Mistake: Error, Hashable {
        let sentence: String
    }

    /// Maximum size of the file in bytes.
    static let maximumBytes = 64 * 1024
    /// The profile that is used if none is named.
    static let defaultName = "default"
    private static let keys: [(name: String, path: any WritableKeyPath<Profile, String?> & Sendable)] = [
        ("url", \.url), ("token-file", \.tokenFile), ("ca-file", \.caFile),
    ]

    /// The file's path.
    let path: String
    private(set) var profiles: [String: Profile] = [:]

    /// Returns the path of the file: below `XDG_CONFIG_HOME`, or `~/.config`; nil without a home directory.
    static func path(_ environment: [String: String]) -> String? {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        return (value("XDG_CONFIG_HOME") ?? value("HOME").map { "\($0)/.config" }).map { "\($0)/causeway/profiles" }
    }

    /// Reads the file; nil if it does not exist.
    static func read(_ path: String, home: String?) throws(Mistake) -> Profiles? {
        guard let status = FileStatus(of: path) else { return nil }
        // Others could otherwise send the token to an address of theirs.
        guard !status.isWritableByOthers else {
            throw Mistake(sentence: "\(path) can be changed by other users: chmod go-w \(path)")
        }
        let content: [UInt8]
        do throws(BoundedFile.ReadError) {
            content = try BoundedFile.read(path, maximumBytes: maximumBytes)
        } catch {
            throw Mistake(sentence: "\(path) cannot be read: \(error.systemMessage ?? "it is larger than \(maximumBytes) bytes")")
        }
        return try Profiles(String(decoding: content, as: UTF8.self), path: path, home: home)
    }

    /// Parses the file's content. Relative names of files are below the file's directory, `~/` is the home directory.
    init(_ text: String, path: String, home: String?) throws(Mistake) {
        self.path = path
        let directory = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
        func file(_ name: String) -> String {
            if name.hasPrefix("~/"), let home { return home + name.dropFirst() }
            return name.hasPrefix("/") ? name : "\(directory)/\(name)"
        }
        var current: String?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            // A line is not quoted in an error: it may be a token.
            let place = "\(path), line \(index + 1)"
            let line = Self.trimmed(line)
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("["), line.hasSuffix("]") {
                let name = Self.trimmed(line.dropFirst().dropLast())
                guard Self.isName(name) else { throw Mistake(sentence: "\(place): a profile's name has letters, digits, '.', '_' and '-'") }
                guard profiles.updateValue(Profile(), forKey: name) == nil else {
                    throw Mistake(sentence: "\(place): the profile \(name) is written twice")
                }
                current = name
                continue
            }
            guard let sign = line.firstIndex(of: "="), let current else {
                throw Mistake(sentence: "\(place): write [name], or key = value below it")
            }
            let (name, value) = (Self.trimmed(line[..<sign]), Self.trimmed(line[line.index(after: sign)...]))
            guard let key = Self.keys.first(where: { $0.name == name })?.path else {
                let hint =
                    name == "token"
                    ? "a token is not written here: name its file with token-file" : "the keys are url, token-file and ca-file"
                throw Mistake(sentence: "\(place): \(hint)")
            }
            guard !value.isEmpty, profiles[current]?[keyPath: key] == nil else {
                throw Mistake(sentence: "\(place): \(name) is empty or written twice")
            }
            profiles[current]?[keyPath: key] = name == "url" ? value : file(value)
        }
    }

    /// Returns the profile of that name.
    ///
    /// - Throws: ``Mistake``, which lists the names, for an unknown one or one without an address.
    func profile(named name: String) throws(Mistake) -> Profile {
        guard let profile = profiles[name] else {
            let names = profiles.keys.sorted().joined(separator: ", ")
            let near = Spelling.nearest(to: name, among: profiles.keys).map { ": did you mean \($0)?" } ?? ";"
            throw Mistake(sentence: "\(path) has no profile of that name\(near) its profiles: \(names.isEmpty ? "none" : names)")
        }
        guard profile.url != nil else { throw Mistake(sentence: "\(path): the profile \(name) has no url") }
        return profile
    }

    /// Reads the token of a profile. Blocks the calling thread.
    static func token(in file: String) throws(Mistake) -> String {
        if let status = FileStatus(of: file), status.isOpenToOthers {
            throw Mistake(sentence: "\(file) can be read or changed by other users: chmod 600 \(file)")
        }
        guard let token = SecretFile.read(file) else { throw Mistake(sentence: "\(file) is not a readable file with a token") }
        return token
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64
            && name.utf8.allSatisfy { PercentEncoding.isUnreserved($0) && $0 != UInt8(ascii: "~") }
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let start = text.drop(while: \.isWhitespace)
        return String(start.prefix((start.lastIndex { !$0.isWhitespace }).map { start.distance(from: start.startIndex, to: $0) + 1 } ?? 0))
    }
}
