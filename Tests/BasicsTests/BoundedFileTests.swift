import Basics
import Glibc
import TestKit
import Testing

@Suite struct BoundedFileTests {
    @Test func filesAreReadToTheirBoundOnly() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("0123456789", to: "file")
        #expect(try BoundedFile.read(path, maximumBytes: 10) == Array("0123456789".utf8))
        #expect(throws: BoundedFile.ReadError.tooLarge) { try BoundedFile.read(path, maximumBytes: 9) }
        #expect(throws: BoundedFile.ReadError.tooLarge) { try BoundedFile.read("/dev/zero", maximumBytes: 1_000_000) }
        #expect(try BoundedFile.read("/dev/null", maximumBytes: 0).isEmpty)
        let large = try directory.write(String(repeating: "é", count: 50_000), to: "large")
        #expect(try BoundedFile.read(large, maximumBytes: 100_000).count == 100_000)
        #expect(throws: BoundedFile.ReadError.tooLarge) { try BoundedFile.read(large, maximumBytes: 99_999) }
    }

    @Test func theSystemsOwnWordsAreKept() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: BoundedFile.ReadError.system(ENOENT)) { try BoundedFile.read(directory.file("absent"), maximumBytes: 9) }
        #expect(throws: BoundedFile.ReadError.system(EISDIR)) { try BoundedFile.read(directory.path, maximumBytes: 9) }
        #expect(BoundedFile.ReadError.system(ENOENT).systemMessage == "No such file or directory")
        #expect(BoundedFile.ReadError.tooLarge.systemMessage == nil)
    }
}
