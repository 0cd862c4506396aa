import Testing

@testable import ServiceKit

@Suite struct ByteSizeTextTests {
    @Test(arguments: [
        ("65536", 65_536), ("256KiB", 262_144), ("10GiB", 10 << 30), ("0", 0), ("64kB", 64_000), ("10GB", 10_000_000_000), ("1B", 1),
        ("1 MiB", 1 << 20), ("0.5KiB", 512), ("1.5GiB", 3 << 29), ("2tib", 2 << 40),
    ])
    func readsByteSizes(_ text: String, _ bytes: Int) {
        #expect(ByteSizeText.parse(text) == bytes)
    }

    @Test(arguments: ["", "KiB", "-1", "1.5", "0.3KiB", "10 Gigs", "1e6", "9000000TiB", "10GiBs", "1_000", "9223372036854775807.5TiB"])
    func refusesOtherByteSizes(_ text: String) {
        #expect(ByteSizeText.parse(text) == nil)
    }

    @Test(arguments: [(10 << 30, "10GiB"), (1500, "1500"), (0, "0"), (1536, "1536"), (262_144, "256KiB")])
    func showsByteSizes(_ bytes: Int, _ text: String) {
        #expect(ByteSizeText.show(bytes) == text)
        #expect(ByteSizeText.parse(text) == bytes)
    }
}
