# Installing by hand, packages, and what a release has to pass. "make install"
# is the one place that says what goes where: the packages are made from what
# it installs into a directory of their own.

# Both run here, whatever machine is built for.
RELEASE := GOARCH= go run -buildvcs=false ./internal/release
NFPM    := GOARCH= go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2

PREFIX  ?= /usr
DESTDIR ?=
DIST    ?= dist
ARCHES  ?= amd64 arm64

# Everything that would differ from one build to the next is the commit's: two
# builds of a commit are the same to the byte. All three can be given, for a
# tree without git.
COMMIT            ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
DATE              := $(shell date -u -d @$(SOURCE_DATE_EPOCH) +%Y-%m-%dT%H:%M:%SZ)
export SOURCE_DATE_EPOCH

# What packages are called by: a tag v1.2.3 is 1.2.3, five commits later it is
# 1.2.3+5.g0123456, v1.2.3-rc1 is before it, and a tree that was never tagged
# has its commit's time.
PACKAGE_VERSION = $(shell sed -E \
	-e '/^v?[0-9]+\.[0-9]+\.[0-9]+/!s/^[^-]*/0.0.0+$(shell date -u -d @$(SOURCE_DATE_EPOCH) +%Y%m%d%H%M%S).$(COMMIT)/' \
	-e 's/^v//; s/-([0-9]+)-(g[0-9a-f]+)/+\1.\2/; s/-dirty$$/.dirty/; s/-/~/g' <<< '$(VERSION)')

UNIT_DIR  := $(PREFIX)/lib/systemd/system
DOC_DIR   := $(PREFIX)/share/doc/monitor_service
SHARE_DIR := $(PREFIX)/share/monitor_service

.PHONY: install install-files package release-check

# What the scripts of the packages are told: 1 for an installation, 2 for an
# upgrade. Below DESTDIR they are left to the packages.
OCCASION = $(if $(wildcard $(PREFIX)/bin/$(BINARY)),2,1)

# Whatever the prefix is, polkit reads its rules below /usr/share (and /etc); not
# before version 124 below /usr/local. systemd reads units, sysusers.d and
# tmpfiles.d in both.
#
# What is installed is for everybody to read, whatever root's umask is.
install: ## install under PREFIX (/usr), below DESTDIR; GOARCH=arm64 for another machine
	umask 022 && $(MAKE) --no-print-directory install-files

install-files:
	go build -buildvcs=false -ldflags '$(LDFLAGS)' -o '$(DIST)/build/$(BINARY)' ./cmd/monitor_service
	install -D -m 0755 '$(DIST)/build/$(BINARY)' '$(DESTDIR)$(PREFIX)/bin/$(BINARY)'
	install -d -m 0755 '$(DESTDIR)$(DOC_DIR)' '$(DESTDIR)/etc/monitor_service'
	test -e '$(DESTDIR)/etc/monitor_service/config.ini' || \
	  install -m 0640 config.ini.example '$(DESTDIR)/etc/monitor_service/config.ini'
	sed 's|/usr/bin/$(BINARY)|$(PREFIX)/bin/$(BINARY)|' deploy/monitor_service.service | \
	  install -D -m 0644 /dev/stdin '$(DESTDIR)$(UNIT_DIR)/monitor_service.service'
	install -D -m 0644 deploy/sysusers.conf '$(DESTDIR)$(PREFIX)/lib/sysusers.d/monitor_service.conf'
	install -D -m 0644 deploy/tmpfiles.conf '$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/monitor_service.conf'
	install -D -m 0644 -t '$(DESTDIR)$(SHARE_DIR)' config.ini.example
	sed 's|/usr/share/$(BINARY)/|$(SHARE_DIR)/|' deploy/unprivileged.conf | \
	  install -m 0644 /dev/stdin '$(DESTDIR)$(SHARE_DIR)/unprivileged.conf'
	install -m 0644 deploy/prometheus/alerts.yml '$(DESTDIR)$(SHARE_DIR)/prometheus-alerts.yml'
	install -m 0644 deploy/grafana/monitor_service.json '$(DESTDIR)$(SHARE_DIR)/grafana-dashboard.json'
	install -m 0644 README.md deploy/CHANGELOG.md deploy/COMMANDS.md deploy/DEPENDENCIES.md deploy/METRICS.md deploy/PERFORMANCE.md '$(DESTDIR)$(DOC_DIR)'
	$(RELEASE) docs '$(DESTDIR)$(PREFIX)/share'
	$(RELEASE) rules '$(DESTDIR)/usr/share'
	$(RELEASE) sbom '$(DIST)/build/$(BINARY)' '$(VERSION)' '$(COMMIT)' >'$(DESTDIR)$(DOC_DIR)/sbom.cdx.json'
	$(RELEASE) licences '$(DIST)/build/$(BINARY)' >'$(DESTDIR)$(DOC_DIR)/LICENCES.txt'
	rm -rf '$(DIST)/build'
	if [ -z '$(DESTDIR)' ]; then \
	  sh deploy/scripts/preinstall.sh && chgrp monitor_service /etc/monitor_service/config.ini && \
	  PATH='$(PREFIX)/bin':"$$PATH" SHARE_DIR='$(SHARE_DIR)' sh deploy/scripts/postinstall.sh $(OCCASION); \
	fi

package: $(ARCHES:%=package-%) ## build an RPM and a DEB for amd64 and arm64 into dist/

package-%:
	rm -rf '$(DIST)/stage-$*'
	GOARCH=$* $(MAKE) --no-print-directory install DIST='$(DIST)/$*' DESTDIR='$(abspath $(DIST))/stage-$*' PREFIX=/usr
	for packager in deb rpm; do \
	  STAGE='$(DIST)/stage-$*' PACKAGE_ARCH=$* PACKAGE_VERSION='$(PACKAGE_VERSION)' \
	    $(NFPM) package --config deploy/nfpm.yaml --packager $$packager --target '$(DIST)/'; \
	done
	rm -rf '$(DIST)/stage-$*' '$(DIST)/$*'

release-check: ## everything that a release has to pass, from a clean clone
	deploy/release-check.sh

.PHONY: package-version
package-version:
	@echo '$(PACKAGE_VERSION)'
