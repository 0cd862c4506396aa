import Testing

@testable import LoadKit

@Suite struct TokenTests {
    private func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// FIPS 180-4's examples, and messages around the length at which the padding needs another block.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
        (String(repeating: "a", count: 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
    ])
    func digestsAsTheStandardSays(message: String, digest: String) {
        #expect(hexadecimal(SHA256.digest(Array(message.utf8))) == digest)
    }

    /// RFC 4231, test cases 2 and 6: a short key, and one longer than a block.
    @Test func authenticatesAsTheStandardSays() {
        #expect(
            hexadecimal(SHA256.authenticationCode(of: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        )
        let message = "Test Using Larger Than Block-Size Key - Hash Key First"
        #expect(
            hexadecimal(SHA256.authenticationCode(of: Array(message.utf8), key: Array(repeating: 0xaa, count: 131)))
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        )
    }

    /// RFC 4648 §10, in the URL's alphabet and without padding.
    @Test(arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("~~?", "fn4_")])
    func encodesAsTheStandardSays(text: String, encoded: String) {
        #expect(TokenMinter.base64URL(Array(text.utf8)) == encoded)
    }

    @Test func mintsThreePartsOfWhichTheLastSignsTheOthers() {
        let token = TokenMinter.mint(subject: "load-1", tenant: "load", roles: ["member"], secret: "secret")
        let parts = token.split(separator: ".")
        #expect(parts.count == 3)
        #expect(parts.first == "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9")
        let code = SHA256.authenticationCode(of: Array(parts.prefix(2).joined(separator: ".").utf8), key: Array("secret".utf8))
        #expect(parts.last.map(String.init) == TokenMinter.base64URL(code))
    }
}
