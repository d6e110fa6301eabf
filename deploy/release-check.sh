#!/usr/bin/env bash
# What a release has to pass, from a clean clone: nothing that lies about in
# the tree helps it. Without arguments all steps are taken, in this order.
#
#     deploy/release-check.sh [sources] [lint] [tests] [packages]
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "release-check: $*" >&2; exit 1; }

# sources: the tree is committed, its modules are those whose sums it has, and
# what changed is said.
sources() {
	go mod verify
	go mod tidy -diff || fail "go mod tidy changes go.mod or go.sum"
	go test -count=1 ./internal/release ./cmd/monitor_service
	local tag
	if tag=$(git describe --tags --exact-match 2>/dev/null); then
		grep -q "^## ${tag#v} " deploy/CHANGELOG.md || fail "deploy/CHANGELOG.md has nothing about ${tag#v}"
	fi
}

lint() { make lint; }

# tests: nothing is left out for want of a program.
tests() { CI=true make test demo; }

# packages: built twice, in two places, they are the same to the byte, and each
# has what it must.
packages() {
	make --silent package
	git clone --quiet . "$scratch/again"
	make --silent --directory="$scratch/again" package
	local file sums arch
	sums=$(cd dist && sha256sum -- *.deb *.rpm)
	(cd "$scratch/again/dist" && sha256sum --check --quiet <<<"$sums") || fail "a second build differs"
	for file in dist/*.deb; do
		[ "$(dpkg-deb --contents "$file" | grep -c -e sbom.cdx.json -e LICENCES.txt)" = 2 ] ||
			fail "$file has no list of its parts or no licences"
		arch=$(dpkg-deb --field "$file" Architecture)
		dpkg-deb --fsys-tarfile "$file" | tar -xO ./usr/bin/monitor_service >"$scratch/program"
		go run -buildvcs=false ./internal/release check "$scratch/program" "$arch" || fail "$file has the wrong program"
	done
	rpms
	mkdir -p "$origin/dist" && cp dist/*.deb dist/*.rpm "$origin/dist/"
	echo "$sums" | tee "$origin/dist/SHA256SUMS"
}

# rpms: the same of each RPM, by rpm's own tools, which a Debian has in the
# package rpm. Its files are also compared with the DEB's by a test, on a host
# that has them.
rpms() {
	if ! command -v rpm >/dev/null || ! command -v rpm2archive >/dev/null; then
		echo "release-check: rpm and rpm2archive are not there: the RPMs are not looked into" >&2
		return
	fi
	local file arch
	for file in dist/*.rpm; do
		[ "$(rpm --query --list --package "$file" | grep -c -e '/sbom.cdx.json$' -e '/LICENCES.txt$')" = 2 ] ||
			fail "$file has no list of its parts or no licences"
		arch=$(rpm --query --queryformat '%{ARCH}' --package "$file")
		[ "$file" != "${file%".$arch.rpm"}" ] || fail "$file is for $arch"
		case $arch in
		x86_64) arch=amd64 ;;
		aarch64) arch=arm64 ;;
		esac
		rpm2archive - <"$file" | tar -xzO ./usr/bin/monitor_service >"$scratch/program"
		go run -buildvcs=false ./internal/release check "$scratch/program" "$arch" || fail "$file has the wrong program"
	done
}

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(sources lint tests packages)
origin=$PWD
[ -z "$(git status --porcelain)" ] || fail "the tree has changes that are not committed"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
git clone --quiet . "$scratch/clone"
cd "$scratch/clone"
for step in "${steps[@]}"; do
	case $step in
	sources | lint | tests | packages) echo "== $step" && "$step" ;;
	*) fail "no step is called $step" ;;
	esac
done
echo "release-check: passed: ${steps[*]}"
